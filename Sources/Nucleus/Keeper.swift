import Logging
import MasixLinux
import MasixTransport
import MasixWire
import SystemPackage

/// The nucleus's side of the keeper's socket.
final class Keeper {
    private let socket: HeldDescriptor
    private let logger: Logger

    init?(_ socket: HeldDescriptor?, logger: Logger) {
        guard let socket else { return nil }
        self.socket = socket
        self.logger = logger
    }

    var raw: Int32 { socket.raw }

    /// What an earlier nucleus has left, to the end marker.
    func inherit() throws(KeeperError) -> [KeptKey: HeldDescriptor] {
        var inherited: [KeptKey: HeldDescriptor] = [:]
        while true {
            guard var received = try KeeperSocket.receive(raw, wait: true) else { throw .ended }
            switch received.message {
            case .keep(let key):
                guard let descriptor = received.descriptors.take(0) else { throw .malformed }
                inherited[key] = HeldDescriptor(descriptor)
            case .forget: throw .malformed
            case .end: return inherited
            }
        }
    }

    func keep(_ key: KeptKey, _ descriptor: Int32) { say(.keep(key), [descriptor]) }
    func forget(_ key: KeptKey) { say(.forget(key), []) }

    /// Waits for room: the keeper reads on a thread that does nothing else. Without a keeper the node is about to end; the loop sees it.
    private func say(_ message: KeeperMessage, _ descriptors: [Int32]) {
        do {
            try MessageSocket.send(on: raw, message.wireBytes, descriptors: descriptors, wait: true)
        } catch {
            logger.critical("the supervisor does not keep what it should", metadata: ["error": "\(error)"])
        }
    }
}
