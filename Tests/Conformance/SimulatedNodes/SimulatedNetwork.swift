import Logging
import MasixKernel
import MasixLinux
import MasixNetwork
import MasixSimulator
import MasixWire
import NIOCore

@testable import MasixNetworkServer

/// What lies between the nodes 1 and 2 of a simulated machine, in the place of TLS over TCP: frames that arrive late, in the order in
/// which they were sent, over channels that are cut and come back.
///
/// It keeps the promises of `NodeChannelsEvent`, and no others: after a cut each side is told when it is told, of what was on its way some
/// has arrived, and who is parted from the other is told so when it dials. All state belongs to whoever has the turn.
final class SimulatedNetwork: @unchecked Sendable {
    /// One promise that is not kept: who plays over it must notice.
    enum Defect: String, CaseIterable, Sendable {
        /// Frames that give room back to senders do not arrive.
        case roomIsLost
        /// Frames that give rights back do not arrive.
        case rightsStay
        /// Nobody tells of ports that have died.
        case deathIsUntold
        /// Node 1 is not told of cuts, nor of the channels that follow: it keeps what was had over the old one.
        case cutIsUntold
        /// A frame overtakes another now and then.
        case framesOvertake

        func loses(_ bytes: [UInt8]) -> Bool {
            guard let frame = try? NetworkFrame(wireBytes: bytes) else { return false }
            switch (self, frame) {
            case (.roomIsLost, .accepted), (.rightsStay, .clean), (.deathIsUntold, .portDied): return true
            default: return false
            }
        }
    }

    private struct Side {
        /// Nil: no network server.
        var loop: ScheduledLoop?
        var inbox: [(due: UInt64, event: NodeChannelsEvent)] = []
        /// The channel that it has been told of.
        var open: ChannelID?
        /// Its bytes that have not arrived.
        var unsent = 0
        var isFull = false
    }

    private let machine: SimulatedMachine
    private let defect: Defect?
    private var sides = [Side(), Side()]
    /// Over which frames arrive. Not both sides need to know of it.
    private var channel: ChannelID?
    private var lastChannel: UInt64 = 0
    private var isParted = false
    private let typicalDelay: UInt64
    private let highWater: Int
    private(set) var cuts = 0

    init(_ machine: SimulatedMachine, _ defect: Defect? = nil) {
        self.machine = machine
        self.defect = defect
        typicalDelay = [20_000, 300_000, 3_000_000][machine.chance(below: 3)]
        highWater = [3_000, 100_000, 4 << 20][machine.chance(below: 3)]
    }

    private static func index(_ number: UInt32) -> Int { Int(number) - 1 }

    private func delay() -> UInt64 {
        let delay = UInt64(machine.chance(below: Int(2 * typicalDelay)))
        return machine.chance(below: 40) == 0 ? 10 * delay : delay
    }

    private func post(_ event: NodeChannelsEvent, to side: Int, after delay: UInt64) {
        let last = sides[side].inbox.last?.due ?? 0
        sides[side].inbox.append((max(last, Clock.monotonicNanoseconds() + delay), event))
        sides[side].loop?.wake()
    }

    // MARK: network servers

    func listen(_ number: UInt32, by loop: ScheduledLoop) {
        let side = Self.index(number)
        sides[side] = Side(loop: loop)
        connect()
        if channel == nil { post(.unreachable(peer: 3 - number), to: side, after: delay()) }
    }

    /// The network server of this node is no more.
    func leave(_ number: UInt32, _ loop: ScheduledLoop?) {
        guard let loop, sides[Self.index(number)].loop === loop else { return }
        sides[Self.index(number)] = Side()
        cut()
    }

    /// What is told to this node now; nil: nothing.
    func next(for number: UInt32) -> NodeChannelsEvent? {
        let side = Self.index(number)
        guard let first = sides[side].inbox.first, first.due <= Clock.monotonicNanoseconds() else { return nil }
        var place = 0
        if defect == .framesOvertake, sides[side].inbox.count > 1, machine.chance(below: 8) == 0, case .frame(let id, _) = first.event,
            case .frame(id, _) = sides[side].inbox[1].event
        {
            place = 1
        }
        let event = sides[side].inbox.remove(at: place).event
        switch event {
        case .up(let id, _): sides[side].open = id
        case .down: sides[side].open = nil
        case .frame(let id, let bytes): arrived(bytes.count, on: id, from: 1 - side)
        case .drained, .unreachable: break
        }
        return event
    }

    /// When that will be; nil: nothing is on its way.
    func nextDue(for number: UInt32) -> UInt64? { sides[Self.index(number)].inbox.first?.due }

    private func arrived(_ count: Int, on id: ChannelID, from sender: Int) {
        guard sides[sender].open == id else { return }
        sides[sender].unsent -= count
        guard sides[sender].isFull, sides[sender].unsent <= highWater / 2 else { return }
        sides[sender].isFull = false
        post(.drained(id), to: sender, after: 0)
    }

    func send(_ frame: [UInt8], on id: ChannelID, from number: UInt32) -> Bool {
        let side = Self.index(number)
        guard sides[side].open == id else { return false }
        sides[side].unsent += frame.count
        if sides[side].unsent > highWater { sides[side].isFull = true }
        // Of what was cut and not yet told it is not known that it goes nowhere.
        if channel == id, defect?.loses(frame) != true { post(.frame(id, frame), to: 1 - side, after: delay()) }
        return !sides[side].isFull
    }

    func dial(from number: UInt32) {
        connect()
        if channel == nil { post(.unreachable(peer: 3 - number), to: Self.index(number), after: delay()) }
    }

    /// Both sides know the channel that there is.
    var isCalm: Bool { channel != nil && sides.allSatisfy { $0.open == channel } }

    // MARK: faults

    private func connect() {
        guard channel == nil, !isParted, sides.allSatisfy({ $0.loop != nil }) else { return }
        lastChannel += 1
        let id = ChannelID(raw: lastChannel)
        channel = id
        machine.tell("channel \(id.raw) comes")
        let pause = UInt64(machine.chance(below: 50_000_000))
        for side in 0...1 where !(defect == .cutIsUntold && side == 0 && lastChannel > 1) {
            let number = UInt32(2 - side)
            let peer = ChannelPeer(
                number: number, incarnation: 1, name: SimulatedNodes.name(number), version: ChannelVersions.current.highest,
                software: "simulated", order: .host)
            post(.up(id, peer), to: side, after: pause + delay())
        }
    }

    /// The channel ends, and another follows as soon as one can.
    func cut() {
        if let id = channel {
            machine.tell("channel \(id.raw) is cut")
            channel = nil
            cuts += 1
            for side in 0...1 { end(id, at: side) }
        }
        connect()
        guard channel == nil else { return }
        for side in 0...1 where sides[side].loop != nil { post(.unreachable(peer: UInt32(2 - side)), to: side, after: delay()) }
    }

    private func end(_ id: ChannelID, at side: Int) {
        if defect == .cutIsUntold, side == 0 { return sides[side].inbox = [] }
        if sides[side].open != id {
            // It has not been told that the channel was there.
            return sides[side].inbox.removeAll { if case .unreachable = $0.event { false } else { $0.event.channel == id } }
        }
        let kept = machine.chance(below: sides[side].inbox.count + 1)
        sides[side].inbox.removeSubrange(kept...)
        sides[side].unsent = 0
        sides[side].isFull = false
        post(.down(id, peer: UInt32(2 - side), .lost("it was cut")), to: side, after: delay())
    }

    /// Nothing gets through until `heal`. Like somebody who pulls a cable: it is noticed by the silence, or at once.
    func part() {
        isParted = true
        cut()
    }

    func heal() {
        isParted = false
        connect()
    }
}

extension NodeChannelsEvent {
    fileprivate var channel: ChannelID? {
        switch self {
        case .up(let id, _), .frame(let id, _), .drained(let id), .down(let id, _, _): id
        case .unreachable: nil
        }
    }
}

/// One network server's end of it.
final class SimulatedConnections: NodeConnections {
    let configuration: NodeChannelsConfiguration
    let eventLoop: any EventLoop
    let number: UInt32
    private let network: SimulatedNetwork
    private let machine: SimulatedMachine

    private static let keys = (NodeKey.make(), NodeKey.make())

    init(_ number: UInt32, loop: ScheduledLoop, network: SimulatedNetwork, machine: SimulatedMachine) throws {
        self.number = number
        self.network = network
        self.machine = machine
        eventLoop = loop
        let keys = Self.keys
        let roster = try NodeRoster(
            [(UInt32(1), keys.0), (2, keys.1)].map { number, key in
                try NodeRosterEntry(
                    number: number, name: SimulatedNodes.name(number), fingerprint: key.fingerprint, host: "127.0.0.1", port: 1)
            })
        configuration = NodeChannelsConfiguration(
            node: NodeID(number: number, incarnation: 1), name: SimulatedNodes.name(number), key: number == 1 ? keys.0 : keys.1,
            roster: roster, listenHost: "127.0.0.1", listenPort: 0, software: "simulated",
            logger: Logger(label: "network") { _ in SwiftLogNoOpLogHandler() })
    }

    var counters: NodeChannelsCounters { NodeChannelsCounters() }

    func send(_ frame: [UInt8], on channel: ChannelID) -> Bool { network.send(frame, on: channel, from: number) }

    /// Both are honest: whatever is refused is wrong.
    func close(_ channel: ChannelID, _ refusal: ChannelRefusal) { machine.fail("node \(number) ends \(channel): \(refusal)") }

    func dialNow(_ peer: UInt32) { network.dial(from: number) }

    func reports() -> (peers: [ChannelReport], strangers: [String]) { ([], []) }
}
