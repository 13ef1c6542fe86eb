import Glibc
import MasixLinux
import SystemPackage

/// Listens at an address and takes no connection: who calls is heard by Linux alone.
final class DeafListener: Sendable {
    private let listener: Descriptor
    private let callers: [Int32]

    /// `isFull` leaves no room for another caller: what is sent to it is dropped, as by a firewall.
    init(at address: String, isFull: Bool) throws(Errno) {
        let (host, port) = try Self.parts(address)
        listener = Descriptor(owning: try Self.checked(socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)))
        let raw = listener.raw
        // One before this may have listened here a moment ago.
        var yes: Int32 = 1
        _ = try Self.checked(unsafe setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size)))
        _ = unsafe try Self.with(host, port) { unsafe bind(raw, $0, $1) }
        _ = try Self.checked(listen(raw, isFull ? 0 : 16))
        var callers: [Int32] = []
        for _ in 0..<(isFull ? 4 : 0) {
            let flags = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
            let caller = try Self.checked(socket(AF_INET, flags, 0))
            // It comes through or goes on trying, which is all the same here.
            _ = unsafe try? Self.with(host, port) { unsafe connect(caller, $0, $1) }
            callers.append(caller)
        }
        self.callers = callers
    }

    /// Takes a few callers, says these words to each of them, and hangs up: it is no node.
    func answer(_ words: String) {
        for _ in 0..<4 {
            let caller = accept(listener.raw, nil, nil)
            guard caller >= 0 else { return }
            do throws(Errno) { try Descriptor(owning: caller).writeAll(Array(words.utf8)) } catch { return }
        }
    }

    deinit { for caller in callers { close(caller) } }

    private static func parts(_ address: String) throws(Errno) -> (UInt32, UInt16) {
        let parts = address.split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1]) else { throw .invalidArgument }
        var host = in_addr()
        guard unsafe inet_pton(AF_INET, String(parts[0]), &host) == 1 else { throw .invalidArgument }
        return (host.s_addr, port)
    }

    private static func checked(_ result: Int32) throws(Errno) -> Int32 {
        guard result >= 0 else { throw Errno(rawValue: errno) }
        return result
    }

    private static func with(
        _ host: UInt32, _ port: UInt16, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(Errno) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr = in_addr(s_addr: host)
        // The address lives until the call returns.
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe call(generic, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return try checked(result)
    }
}
