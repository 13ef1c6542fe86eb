import MasixKernel
import Synchronization

/// Which port was last found under which name. No right: what the program lets go of is not held for it.
final class FoundNames: Sendable {
    private static let countMax = 256
    private let ports = Mutex<[String: PortID]>([:])

    subscript(name: String) -> PortID? { ports.withLock { $0[name] } }

    func note(_ name: String, _ port: PortID) {
        ports.withLock { ports in
            if ports.count >= Self.countMax { ports = [:] }
            ports[name] = port
        }
    }
}
