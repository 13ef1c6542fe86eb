import ArgumentParser
import MasixLinux
import SystemPackage

/// Where the administrator's password comes from: a file, a terminal that does not show it, or a line of standard input.
struct PasswordOption: ParsableArguments {
    @Option(
        name: .customLong("password-file"),
        help: ArgumentHelp("Read the administrator's password from the first line of this file instead of asking.", valueName: "file"))
    var file: String?

    private static let bytesMax = 1_024

    func read(_ words: String) throws(Complaint) -> [UInt8] {
        let password: [UInt8]
        if let file {
            guard let bytes = try StateFile.contents(file, max: Self.bytesMax + 1) else {
                throw Complaint("\(file): there is no such file", .notFound)
            }
            password = Array(bytes.prefix { $0 != UInt8(ascii: "\n") })
        } else {
            password = try Self.ask(words)
        }
        guard !password.isEmpty else {
            throw Complaint("no password was given: type it, or name a file that has it by --password-file", .usage)
        }
        guard password.count <= Self.bytesMax else {
            throw Complaint("a password has 1 to \(Self.bytesMax) bytes", .malformed)
        }
        return password
    }

    private static func ask(_ words: String) throws(Complaint) -> [UInt8] {
        var terminal: RawTerminal?
        if Terminal.isTerminal(0) {
            do throws(Errno) { terminal = try RawTerminal(0) } catch { throw Complaint(error, "terminal") }
            try Output.write(Array("\(words): ".utf8), to: 2)
        }
        defer { terminal?.restore() }
        var password: [UInt8] = []
        while password.count <= bytesMax {
            let bytes: [UInt8]
            do throws(Errno) { bytes = try Descriptor.readBytes(from: 0, max: 1) } catch { throw Complaint(error, "standard input") }
            guard let byte = bytes.first, byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\r") else { break }
            switch byte {
            case 3, 4: throw Complaint("no password was given", .usage)
            case 8, 127: _ = password.popLast()
            default: password.append(byte)
            }
        }
        if terminal != nil { try Output.write(Array("\r\n".utf8), to: 2) }
        return password
    }
}
