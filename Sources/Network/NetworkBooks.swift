import DequeModule
import MasixKernel

// What a network server's core keeps of each node, port and message under way.

extension NetworkCore {
    /// What is kept from going over the bounds of the peers; less than theirs in tests.
    struct Bounds: Sendable {
        var transfers = NetworkLimits.transfersMax
        var memoryBytes = NetworkLimits.memoryUnderWayMax
        var ports = NetworkLimits.portsMax
        var onces = NetworkLimits.oncesMax
        var lookUps = NetworkLimits.lookUpsMax
        var barrierMilliseconds = NetworkLimits.barrierMilliseconds
    }

    struct Peer: Sendable {
        let id: NodeID
        var isCongested = false
        /// Send-once rights of our tasks that it holds, by our numbers.
        var given: Set<UInt64> = []
        /// Send-once rights of its tasks that are held here, by its numbers.
        var taken: Set<UInt64> = []
        var outgoing: Deque<OutgoingTransfer> = []
        /// Messages with memory that wait for one of the places above.
        var waiting: Deque<WaitingMessage> = []
        var incoming: [UInt64: IncomingTransfer] = [:]
        /// Its questions for names that are not yet answered.
        var questions: [UInt64: Question] = [:]
        /// Our questions, and who asks.
        var requests: [UInt64: UInt64] = [:]
        /// Ports of ours to which it holds rights.
        var held: Set<PortID> = []
        /// Proxies for its ports.
        var proxies: Set<ProxyID> = []
        /// Those of them that it has given or granted us, by what it calls the port.
        var granted: [PortUID: ProxyID] = [:]
        /// Rights to ports of others that we have given it and that are not settled yet, by our numbers.
        var pins: [UInt64: ProxyID] = [:]
        /// Who wants to know when this node is down for us too, and by what number.
        var mourners: [Mourner] = []
    }

    struct Mourner: Hashable, Sendable {
        let peer: UInt32
        let number: UInt64
    }

    /// A node is down: what it held is kept until nobody else can have it from there and not have said so (Decisions/0020).
    struct Barrier: Sendable {
        var awaited: Set<UInt32>
        /// Of ours, which it held.
        let ports: [PortID]
        /// For ports of others, which we had given it.
        let pins: [ProxyID]
        /// Nil until the time is known.
        var until: UInt64?
    }

    /// A port as other nodes speak of it: whoever does not know the key means another one.
    struct KeyedPort: Hashable, Sendable {
        let uid: PortUID
        let key: UInt64
    }

    /// A node that gave us a right of a third one, and the pin by which it keeps its own.
    struct Giver: Hashable, Sendable {
        let peer: UInt32
        let pin: UInt64
    }

    /// A right that has come in, and is kept until its message has been delivered.
    enum Landed: Hashable, Sendable {
        case null
        case dead
        case once(UInt64)
        case home(UInt64)
        case own(PortID)
        case proxy(ProxyID)
    }

    /// A node, and what it holds of a port of ours; its send-once rights are listed at the node (`Peer.given`), each by itself.
    struct Holder: Sendable {
        /// Of the latest gift to it: whoever gives back less does not yet know of it.
        var sequence: UInt64
    }

    /// A port of ours that other nodes know: one for all of them.
    struct Export: Sendable {
        let limit: UInt32
        /// Known to whoever was given the port.
        let key: UInt64
        /// What nodes held that are down, by their barriers.
        var ghosts: Set<UInt64> = []
        /// The holder set, by the numbers of the nodes; each in the life in which its channel is.
        var holders: [UInt32: Holder] = [:]
        /// Gifts so far, to whomever.
        var gifts: UInt64 = 0
        /// Messages on their way to us that bring a right to it home.
        var pins = 0
        var isDead = false
        /// Messages of each node for it that have not yet been received from it.
        var underWay: [UInt32: UInt32] = [:]
        /// Deliveries that the shell has not yet ended.
        var delivering = 0
        /// Whose they are that lie in the home queue, in their order; nil where the channel has ended meanwhile.
        var queued: Deque<UInt32?> = []
        /// Receptions that were told before the delivery was.
        var early: UInt32 = 0

        /// A node has nothing to do with the port any more.
        mutating func forget(_ peer: UInt32) {
            holders[peer] = nil
            underWay[peer] = nil
            for place in queued.indices where queued[place] == peer { queued[place] = nil }
        }
    }

    /// A port of another node, here.
    struct Proxy: Sendable {
        let port: PortUID
        let key: UInt64
        /// Where it is.
        let owner: NodeID
        var limit: UInt32
        /// Of the latest gift of it; 0 as long as its owner has given none, which is before it answers our claim.
        var sequence: UInt64 = 0
        /// Who has given it to us and waits for that answer.
        var givers: [Giver] = []
        /// Its limit was said to be higher than it is: more may wait here than may be sent.
        var isOverfull = false
        /// Send rights that were made for local tasks.
        var made: UInt32 = 0
        /// Messages on their way to local tasks that will bring a right to it.
        var pins = 0
        var isDead = false
        var isWatched = false
        /// Without senders, but not without messages under way.
        var awaitsAcceptance = false
        var unaccepted: UInt32 = 0
        var pauses: Pauses = []
        /// Whether the shell has been told so.
        var isPaused = false
        /// Tasks that have sent to it, if their names are announced.
        var introduced: Set<TaskID> = []

        var peer: UInt32 { owner.number }
        var isGranted: Bool { sequence > 0 }
    }

    /// Why nothing is taken from a proxy.
    struct Pauses: OptionSet, Sendable {
        let rawValue: UInt8
        /// A message with memory is under way: the next one would overtake it.
        static let transfer = Pauses(rawValue: 2)
        /// Its owner has not granted it yet.
        static let grant = Pauses(rawValue: 1)
        /// As much is under way as its queue takes.
        static let window = Pauses(rawValue: 8)
        static let congestion = Pauses(rawValue: 4)

        mutating func set(_ pause: Pauses, _ isSet: Bool) { if isSet { insert(pause) } else { remove(pause) } }
    }

    struct OutgoingTransfer: Sendable {
        let number: UInt64
        let proxy: ProxyID?
        let lengths: [UInt64]
        var memory = 0
        var offset: UInt64 = 0
    }

    /// A message that is translated when its turn comes: what is said to the peer until then, of a death or a release, holds for its
    /// rights too.
    struct WaitingMessage: Sendable {
        let local: LocalMessage
        let destination: Outlet
        let transfer: UInt64
    }

    enum Outlet: Sendable {
        case proxy(ProxyID)
        case once(UInt64)
    }

    struct IncomingTransfer: Sendable {
        let message: NetworkMessage
        let reply: Landed
        let rights: [Landed]
        var memory = 0
        var offset: UInt64 = 0

        mutating func skipWhatIsComplete() {
            while memory < message.memory.count, offset == message.memory[memory] { (memory, offset) = (memory + 1, 0) }
        }
        var isComplete: Bool { memory == message.memory.count }
    }

    struct WindowPlace: Sendable {
        /// Nil if the channel has ended meanwhile.
        var peer: UInt32?
        let port: PortID
    }

    /// Where one bounded piece of memory is to be read from, for a chunk.
    public struct ChunkOrder: Hashable, Sendable {
        public let transfer: UInt64
        public let memory: Int
        public let offset: UInt64
        public let count: Int
    }
}
