import CLinux
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
