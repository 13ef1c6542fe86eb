import Logging
import MasixLinux
import SystemPackage

/// How whoever has started the node learns that it serves: a byte in a pipe, a datagram to systemd, both or neither.
public struct Readiness: Sendable {
    /// A descriptor of ours that is written to and closed.
    public var descriptor: Int32?
    /// Where systemd listens: the value of `NOTIFY_SOCKET`.
    public var notifySocket: String?

    public init(descriptor: Int32? = nil, notifySocket: String? = nil) {
        self.descriptor = descriptor
        self.notifySocket = notifySocket
    }

    mutating func ready(_ words: String, _ logger: Logger) {
        if let raw = descriptor {
            descriptor = nil
            let pipe = Descriptor(owning: raw)
            do throws(Errno) {
                try pipe.writeAll([UInt8(ascii: "\n")])
            } catch {
                logger.warning("nobody waits for the node to be ready", metadata: ["error": "\(error)"])
            }
        }
        tell("READY=1\nSTATUS=\(words)", logger)
    }

    func stopping(_ logger: Logger) { tell("STOPPING=1\nSTATUS=stopping", logger) }

    private func tell(_ text: String, _ logger: Logger) {
        guard let path = notifySocket else { return }
        do throws(Errno) {
            try MessageSocket.tell(path: path, Array(text.utf8))
        } catch {
            logger.warning("systemd cannot be told", metadata: ["socket": "\(path)", "error": "\(error)"])
        }
    }
}
