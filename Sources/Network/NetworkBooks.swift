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
    }

    /// A node, and what it holds of a port of ours; its send-once rights are listed at the node (`Peer.given`), each by itself.
    struct Holder: Sendable {
        /// Of the latest gift to it: whoever gives back less does not yet know of it.
        var sequence: UInt64
    }

    /// A port of ours that other nodes know: one for all of them.
    struct Export: Sendable {
        let limit: UInt32
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
        let peer: UInt32
        let limit: UInt32
        /// Of the latest gift of it.
        var sequence: UInt64 = 0
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
    }

    /// Why nothing is taken from a proxy.
    struct Pauses: OptionSet, Sendable {
        let rawValue: UInt8
        /// A message with memory is under way: the next one would overtake it.
        static let transfer = Pauses(rawValue: 2)
        static let congestion = Pauses(rawValue: 4)
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
