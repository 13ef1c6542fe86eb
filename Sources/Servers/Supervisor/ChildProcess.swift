import MasixLinux
import SystemPackage

/// A process that the supervisor has started and not yet reaped.
final class ChildProcess: Sendable {
    let name: String
    let user: NodeUsers.User
    let pid: Int32
    private let process: ProcessDescriptor

    init(name: String, user: NodeUsers.User, _ child: consuming Child) {
        self.name = name
        self.user = user
        pid = child.pid
        process = child.relinquish()
    }

    /// The pidfd, lent.
    var raw: Int32 { process.raw }

    /// To a process that has just ended a signal means nothing.
    func signal(_ number: Int32) throws(Errno) {
        do throws(Errno) {
            try process.sendSignal(number)
        } catch {
            if error != .noSuchProcess { throw error }
        }
    }

    /// How it ended, in words; nil while it runs.
    func end() throws(Errno) -> (how: String, success: Bool, code: Int32)? {
        switch try process.wait(block: false) {
        case nil: nil
        case .exited(let code)?: ("exited with \(code)", code == 0, code)
        case .signalled(let number, _)?: ("ended by signal \(number)", false, 128 + number)
        }
    }
}

extension Child {
    /// The process alone.
    consuming func relinquish() -> ProcessDescriptor { process }
}

/// What a child writes on its standard output and error: lines for the log.
final class ChildOutput {
    static let lineBytesMax = 8_192
    /// Read at a time, so that one who writes much does not keep the others waiting.
    static let readBytesMax = 16_384

    let name: String
    /// Writes log lines of its own, with their level.
    let isRole: Bool
    private let pipe: Descriptor
    private var rest: [UInt8] = []

    init(name: String, isRole: Bool, pipe: consuming Descriptor) {
        self.name = name
        self.isRole = isRole
        self.pipe = pipe
    }

    var raw: Int32 { pipe.raw }

    /// What has come, line by line; nil at the end.
    func lines() throws(Errno) -> [String]? {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try pipe.readBytes(max: Self.readBytesMax)
        } catch {
            if error == .wouldBlock || error == .resourceTemporarilyUnavailable { return [] }
            throw error
        }
        guard !bytes.isEmpty else { return nil }
        rest += bytes
        var lines: [String] = []
        while let end = rest.firstIndex(of: 10) {
            lines.append(text(rest[..<end]))
            rest.removeFirst(end + 1)
        }
        if rest.count > Self.lineBytesMax {
            lines.append(text(rest[...]))
            rest = []
        }
        return lines
    }

    /// The line that nobody ended.
    func lastLine() -> String? { rest.isEmpty ? nil : text(rest[...]) }

    /// Nothing that a terminal would obey.
    private func text(_ bytes: ArraySlice<UInt8>) -> String {
        let line = String(decoding: bytes.map { $0 < 32 || $0 == 127 ? 32 : $0 }, as: UTF8.self)
        return isRole ? line : "output \(name): \(line)"
    }
}
