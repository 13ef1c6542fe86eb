import Masix
import MasixKernel
import MasixNetwork
import NIOCore

/// Ports that take one message each: for send-once rights of other nodes, and for answers of the name server.
///
/// Making a port costs a word to the nucleus, so those that have had their message are used again for a while.
final class SingleUsePorts {
    /// What the message is for.
    enum Use {
        case once(OnceKey)
        case question(peer: UInt32, request: UInt64)
        case names(of: TaskID)
    }

    private static let sparesMax = 64

    private let space: Space
    private let set: PortSet
    private let loop: any EventLoop
    private var uses: [PortID: Use] = [:]
    private var ports: [OnceKey: PortID] = [:]
    private var spares: [PortID] = []
    /// The fewest of them that there have been since the timer was set: so many nobody needs.
    private var unneeded = 0
    private var timer: Scheduled<Void>?

    init(space: Space, set: PortSet, loop: any EventLoop) {
        self.space = space
        self.set = set
        self.loop = loop
    }

    func end() { timer?.cancel() }

    var isEmpty: Bool { uses.isEmpty }
    func contains(_ key: OnceKey) -> Bool { ports[key] != nil }
    subscript(port: PortID) -> Use? { uses[port] }

    /// A port that takes one message, perhaps one that has done so before.
    func port(for use: Use) throws(MasixError) -> PortID {
        let port: PortID
        if let spare = spares.popLast() {
            port = spare
            unneeded = min(unneeded, spares.count)
        } else {
            let right = try space.makePort(queueLimit: 1)
            try right.leave()
            port = set.insert(right)
        }
        uses[port] = use
        if case .once(let key) = use { ports[key] = port }
        return port
    }

    /// Its message has come.
    func finish(_ port: PortID) {
        forget(port)
        guard spares.count < Self.sparesMax else {
            _ = set.remove(port)
            return
        }
        spares.append(port)
        if timer == nil { lookAfterSpares() }
    }

    /// Nothing is to come of it any more.
    func destroy(_ port: PortID) {
        forget(port)
        _ = set.remove(port)
    }

    func destroy(_ key: OnceKey) { if let port = ports[key] { destroy(port) } }

    private func forget(_ port: PortID) {
        if case .once(let key)? = uses.removeValue(forKey: port) { ports[key] = nil }
    }

    /// Spare ports that nobody has needed for a second are destroyed.
    private func lookAfterSpares() {
        unneeded = spares.count
        let bound = NIOLoopBound(self, eventLoop: loop)
        timer = loop.scheduleTask(in: .seconds(1)) {
            let ports = bound.value
            ports.timer = nil
            for _ in 0..<ports.unneeded { if let spare = ports.spares.popLast() { _ = ports.set.remove(spare) } }
            if !ports.spares.isEmpty { ports.lookAfterSpares() }
        }
    }
}
