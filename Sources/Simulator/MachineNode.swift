import MasixKernel
import MasixTransport

/// A node of a `SimulatedMachine`: the simulated one, and the sockets of the tasks that have attached to it.
final class MachineNode: NodeSurroundings {
    unowned let machine: SimulatedMachine
    let id: NodeID
    private(set) var node: SimulatedNode!
    var sockets: [KernelSocket] = []
    /// The nucleus does nothing before the machine's decision of this number, unless nobody else does anything.
    private(set) var restsUntil = 0
    let eventsPerDeath = 200

    init(_ id: NodeID, on machine: SimulatedMachine) {
        self.id = id
        self.machine = machine
        node = SimulatedNode(
            id, plan: machine.plan, book: machine.book, simulation: self, memory: SimulatedMemory(isShared: true), limits: Limits())
    }

    var book: Book { machine.book }
    var chance: Chance {
        get { machine.chance }
        set { machine.chance = newValue }
    }
    var tally: Tally {
        get { machine.tally }
        set { machine.tally = newValue }
    }
    var crashes: Bool { machine.crashes }
    var hasWork: Bool { node.hasWork }

    func step() { node.step() }
    func interrupt() { machine.interrupt() }

    func log(_ line: @autoclosure () -> String) {
        machine.log(id.number == 1 ? line() : "node \(id.number): \(line())")
    }

    // MARK: misfortunes

    func restNucleus(oneIn rate: Int) {
        guard crashes, chance.oneIn(rate) else { return }
        restsUntil = machine.steps + chance.below(60)
    }

    /// What befalls it between two decisions of the machine. `ambush`: somebody stands where a revocation may hurt.
    func misfortune(ambush: Bool) {
        let isRandom = machine.plan.mode == .random
        if isRandom, ambush || chance.oneIn(machine.revocationRate) { revoke() }
        if isRandom, chance.oneIn(machine.linkFailureRate), let link = chance.pick(node.memory.links.keys.sorted()) {
            if node.submit(.linkFailed(link)) { tally.linkFaults += 1 }
        }
        if chance.oneIn(machine.deathRate) { node.die() }
        if chance.oneIn(500) { restsUntil = machine.steps + chance.below(60) }
    }

    private func revoke() {
        let leased = node.kernel.leasedPorts
        guard !leased.isEmpty else { return }
        if node.submit(.revoke(chance.oneIn(4) ? nil : chance.pick(leased))) { tally.revocations += 1 }
    }

    // MARK: what the node tells

    func met(_ situation: Situation) { machine.met(situation) }

    func handled(_ event: Event, _ actions: [Action]) {
        tally.events += 1
        machine.mix(event)
        // The kernel is looked through now and then, and the simulations with tasks that are simulated do it each time.
        if chance.oneIn(16) { node.audit(after: event) }
        if case .request(_, _, .send) = event { tally.messagesByNucleus += 1 }
    }

    func closed(_ lease: Lease, _ closing: Closing, byRevocation: Bool) {
        tally.harvested += closing.frames.count
        if let fault = closing.fault { book.fail("\(lease.id) closes with \(fault), and both ends are honest") }
    }

    // MARK: the end

    /// Tasks; ports that somebody has a right to send to, or has sent to; bytes of messages; memory objects.
    var tables: [Int] {
        let ports = node.kernel.portRows(after: nil, limit: .max).count { port in
            port.senderCount + port.sendOnceRights + port.sendRightsInTransit + port.queued + port.blockedSenders > 0
        }
        return [node.kernel.taskCount, ports, node.memory.store.count, node.memory.objects.count]
    }

    /// The node stops, and everybody is told.
    func finish() {
        node.finish()
        for socket in sockets where !socket.hasEnded { end(socket) }
        node.finish()
    }

    /// With the last task everything has gone.
    func balance() {
        if !node.kernel.isDeserted { book.fail("all tasks have ended, and something is left in the kernel") }
        if !node.memory.store.isEmpty { book.fail("all tasks have ended, and the bytes of \(node.memory.store.count) messages are left") }
        if !node.memory.objects.isEmpty { book.fail("all tasks have ended, and \(node.memory.objects.count) memory objects are left") }
        if !node.memory.links.isEmpty { book.fail("all tasks have ended, and links are left") }
    }
}
