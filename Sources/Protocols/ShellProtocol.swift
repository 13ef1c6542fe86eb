public import MasixWire

// How `masix shell` asks a shell server for a session; what follows is said as on any stream (StreamProtocol.swift).
//
//   call      to `shell` or `shell.NODE`   code 0x6C65_6873  payload  ShellOpening
//                                                            rights   [0] a send right to the client's port
//   answer                                 code 0x6F72_7473  payload  StreamOpened, and rights, as for a stream

/// Codes, names and bounds of the shell protocol.
public enum ShellProtocol {
    public static let openingCode: UInt32 = 0x6C65_6873
    /// 2: the program itself may be asked for, without a shell around it.
    public static let version: UInt8 = 2
    /// What the server is called where the supervisor starts it, and the name under which its own node finds it.
    public static let name = "shell"
    /// In the state directory: who may have a shell.
    public static let permitsFileName = "shell.permits"
    public static let wordsMax = 256
    public static let textBytesMax = 32_768

    /// The name under which other nodes find the shell server of this one.
    public static func name(on node: String) -> String { "\(name).\(node)" }
}

/// Asks for a session. Layout: version u8, 1 or 2; terminal, optional TerminalSize; kind, counted text; command, a list of counted texts;
/// in version 2 whether the command is to be started as it is, bool.
public struct ShellOpening: Hashable, Sendable, WireCodable {
    public var version: UInt8 { isDirect ? 2 : 1 }
    /// Nil: the program is to have pipes instead of a terminal, and prints its errors into the same.
    public let terminal: TerminalSize?
    /// What the client's terminal is (`TERM`); letters, digits and `. _ + -`, at most 64.
    public let kind: String
    /// A program and its arguments; empty for a login shell.
    public let command: [String]
    /// The program itself is wanted, and not a shell that starts it.
    public let isDirect: Bool

    public init(terminal: TerminalSize?, kind: String, command: [String], isDirect: Bool = false) {
        self.isDirect = isDirect
        self.terminal = terminal
        self.kind = Self.isKind(kind) ? kind : "dumb"
        self.command = command
    }

    static func isKind(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "._+-".unicodeScalars.contains($0))
            }
    }

    /// What keeps it from being asked; nil if nothing does.
    public var complaint: String? {
        if isDirect, command.first?.isEmpty != false { return "there is no program to start" }
        if command.count > ShellProtocol.wordsMax { return "the command has more than \(ShellProtocol.wordsMax) words" }
        if command.reduce(0, { $0 + $1.utf8.count }) > ShellProtocol.textBytesMax { return "the command is too long" }
        if command.contains(where: { $0.utf8.contains(0) }) { return "a word of the command has a zero byte in it" }
        return nil
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(version)
        writer.write(optional: terminal)
        writer.write(kind)
        writer.write(UInt32(command.count))
        for word in command { writer.write(word) }
        if isDirect { writer.write(true) }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let version: UInt8 = try reader.read()
        guard (1...ShellProtocol.version).contains(version) else { throw .malformed(field: "version") }
        terminal = try reader.readOptional()
        kind = try reader.readText(limit: 64, field: "kind")
        guard Self.isKind(kind) else { throw .malformed(field: "kind") }
        let count: UInt32 = try reader.read()
        guard count <= UInt32(ShellProtocol.wordsMax) else { throw .malformed(field: "command") }
        var words: [String] = []
        var left = ShellProtocol.textBytesMax
        for _ in 0..<count {
            let word = try reader.readText(limit: left, field: "word")
            left -= word.utf8.count
            guard !word.utf8.contains(0) else { throw .malformed(field: "word") }
            words.append(word)
        }
        command = words
        isDirect = version == 1 ? false : try reader.readBool()
        // There is one way to say each.
        guard isDirect == (version == 2) else { throw .malformed(field: "version") }
    }
}
