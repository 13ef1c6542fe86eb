import Masix
import MasixKernel
import MasixNetwork

/// What has been delivered to ports of this node by links: how much of it has been received, and the calls that are to be answered.
///
/// The nucleus sees none of this as long as the leases are open. When one closes it says how much was received by it in its whole life,
/// and from there on counts what it has put into the home queue (Documentation/Decisions/0013).
final class LinkedDeliveries {
    /// What went by one lease.
    private struct Flow {
        let lease: Space.UsedLease
        var sent: UInt64 = 0
        /// Told to the core.
        var received: UInt64 = 0
    }

    private let space: Space
    /// By port, the oldest lease first. Each stays until the nucleus has told what was received by it, after it has closed.
    private var flows: [PortID: [Flow]] = [:]
    /// Where something has not been received yet.
    private var outstanding: Set<PortID> = []
    /// Told of a lease and not true: its receiver has said more than it took. Taken off what the nucleus counts later.
    private var excess: [PortID: UInt64] = [:]
    private var calls: [OnceKey: Space.LinkedCall] = [:]
    private var keyAt: [PortID: OnceKey] = [:]
    private var isExpecting = false

    init(space: Space) { self.space = space }

    deinit { if isExpecting { space.expectNoReceptions() } }

    var isEmpty: Bool { calls.isEmpty && !isOutstanding }

    /// Something has not been received yet.
    var isOutstanding: Bool { !outstanding.isEmpty }

    /// Delivers by a lease; false if the message has to go by the nucleus, and then it is left as it was.
    func deliver(
        _ message: inout Message, to right: borrowing SendRight, as speaker: Speaker?, answering key: OnceKey?
    ) throws(MasixError) -> Bool {
        guard let (lease, call) = try space.speakByLease(&message, to: right, as: speaker, isCall: key != nil) else { return false }
        let port = right.port
        if flows[port]?.last?.lease.epoch != lease.epoch { flows[port, default: []].append(Flow(lease: lease)) }
        if let place = flows[port]?.indices.last { flows[port]?[place].sent += 1 }
        outstanding.insert(port)
        if let key, let call {
            calls[key] = call
            keyAt[call.port] = key
        }
        return true
    }

    // MARK: what has been received

    /// What has been received from each port since the last look, as the links say.
    func receptions() -> [(PortID, UInt32)] {
        var found: [(PortID, UInt32)] = []
        for port in outstanding.sorted() {
            var count: UInt64 = 0
            for place in flows[port]?.indices ?? 0..<0 {
                guard let flow = flows[port]?[place], flow.sent > flow.received, let said = space.received(by: flow.lease) else { continue }
                let received = max(flow.received, min(said, flow.sent))
                count += received - flow.received
                flows[port]?[place].received = received
            }
            if count > 0 { found.append((port, UInt32(count))) }
            settle(port)
        }
        return found
    }

    /// What a receipt of the nucleus adds to what the links have said.
    func news(in receipt: Receipt) -> UInt32 {
        let port = receipt.place.port
        guard let lease = receipt.place.lease else {
            let untrue = min(excess[port] ?? 0, receipt.count)
            if untrue > 0 { excess[port] = excess[port] == untrue ? nil : (excess[port] ?? 0) - untrue }
            return UInt32(receipt.count - untrue)
        }
        guard let place = flows[port]?.firstIndex(where: { $0.lease.epoch == lease.epoch }), let flow = flows[port]?.remove(at: place)
        else { return 0 }
        if flows[port]?.isEmpty == true { flows[port] = nil }
        settle(port)
        if flow.received > receipt.count { excess[port, default: 0] += flow.received - receipt.count }
        return UInt32(receipt.count - min(flow.received, receipt.count))
    }

    /// The port is nobody's business any more.
    func forget(_ port: PortID) {
        flows[port] = nil
        excess[port] = nil
        outstanding.remove(port)
    }

    private func settle(_ port: PortID) {
        if flows[port]?.contains(where: { $0.sent > $0.received }) != true { outstanding.remove(port) }
    }

    /// Whether receivers are to ring for each reception, because nothing else would tell of it.
    func expect(_ isExpected: Bool) {
        if isExpecting { space.expectNoReceptions() }
        if isExpected { space.expectReceptions() }
        isExpecting = isExpected
    }

    // MARK: what is answered

    /// Takes the answers that have come, in the order of the calls. What was received before they were given is to be told before them.
    func takeAnswers() throws(MasixError) -> [(OnceKey, Held<Space.LinkedAnswer>)] {
        var found: [(OnceKey, Held<Space.LinkedAnswer>)] = []
        for key in calls.count > 1 ? calls.keys.sorted() : Array(calls.keys) {
            guard let call = calls[key], let answer = try space.answer(to: call) else { continue }
            forget(call, key)
            found.append((key, Held(answer)))
        }
        return found
    }

    /// Nobody waits for this answer any more. False if there is no such call.
    func giveUp(_ key: OnceKey) -> Bool {
        guard let call = calls[key] else { return false }
        forget(call, key)
        space.giveUp(call)
        return true
    }

    /// The call whose answers come to this port, for which the nucleus made a right.
    func key(of port: PortID) -> OnceKey? { keyAt[port] }

    private func forget(_ call: Space.LinkedCall, _ key: OnceKey) {
        calls[key] = nil
        keyAt[call.port] = nil
    }
}
