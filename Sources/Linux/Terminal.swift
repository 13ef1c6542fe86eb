import CLinux
import Synchronization
public import SystemPackage

/// What stands behind a program's standard descriptors.
public enum Terminal {
    public static func isTerminal(_ raw: Int32) -> Bool { masix_is_terminal(raw) == 1 }

    /// Width in characters; nil when it is no terminal or does not know.
    public static func columns(_ raw: Int32) -> Int? { size(raw)?.columns }

    public static func size(_ raw: Int32) -> (columns: Int, rows: Int)? {
        var (columns, rows): (Int32, Int32) = (0, 0)
        // The shim stores two numbers.
        guard unsafe masix_terminal_size(raw, &columns, &rows) >= 0, columns > 0 else { return nil }
        return (Int(columns), Int(rows))
    }

    public static func setSize(_ raw: Int32, columns: Int, rows: Int) throws(Errno) {
        _ = try systemCall(.terminal) { masix_set_terminal_size(raw, Int32(clamping: columns), Int32(clamping: rows)) }
    }
}

extension Terminal {
    /// Makes it another user's; for root.
    public static func giveAway(_ raw: Int32, uid: UInt32, gid: UInt32) throws(Errno) {
        _ = try systemCall(.terminal) { masix_fchown(raw, uid, gid) }
    }
}

/// A terminal that passes on every byte as it is typed, shows nothing by itself and sends no signals, until it is restored.
public final class RawTerminal: Sendable {
    private let descriptor: Descriptor
    private let before: [UInt8]
    private let isRaw = Mutex(true)

    /// `.inappropriateIOCTLForDevice` if it is no terminal. Whoever has made it raw must restore it, or the user has a terminal without echo.
    public init(_ raw: Int32) throws(Errno) {
        descriptor = try Descriptor.duplicate(of: raw)
        var mode = [UInt8](repeating: 0, count: masix_terminal_mode_bytes())
        let own = descriptor.raw
        // Each shim reads or writes as many bytes as the first said, which the array has.
        _ = try systemCall(.terminal) { unsafe masix_get_terminal_mode(own, &mode) }
        before = mode
        unsafe masix_make_raw_mode(&mode)
        _ = try systemCall(.terminal) { unsafe masix_set_terminal_mode(own, mode) }
    }

    /// As it was, once; from any thread. A terminal that is gone needs nothing.
    public func restore() {
        isRaw.withLock { isRaw in
            guard isRaw else { return }
            isRaw = false
            let own = descriptor.raw
            // As above.
            _ = try? systemCall(.terminal) { unsafe masix_set_terminal_mode(own, before) }
        }
    }

    deinit { restore() }
}

/// A terminal made of software.
@frozen
public struct PseudoTerminal: ~Copyable, Sendable {
    public var master: Descriptor
    /// Where the slave is opened (with `.noControllingTerminal`).
    public let slavePath: String

    init(master: consuming Descriptor, slavePath: String) {
        self.master = master
        self.slavePath = slavePath
    }

    public static func open() throws(Errno) -> PseudoTerminal {
        var path = [CChar](repeating: 0, count: 128)
        // The array has room for the capacity given.
        let master = try systemCall(.terminal) { unsafe masix_open_terminal(&path, 128) }
        let name = path.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return PseudoTerminal(master: Descriptor(owning: Int32(master)), slavePath: String(decoding: name, as: UTF8.self))
    }
}
