public import Logging
import MasixLinux
import Synchronization
import SystemPackage

/// The log of a node: lines with their time, on standard error and in `node.log`, which never grows beyond its bound.
final class NodeLog: Sendable {
    /// Bytes of one file.
    static let bytesMax = 4 << 20
    /// Older files that are kept.
    static let oldFilesMax = 3

    private struct Files: ~Copyable {
        var current: Descriptor
        var size: Int
    }

    private let path: String
    private let files: Mutex<Files>

    init(directory: String) throws(SupervisorError) {
        path = directory + "/node.log"
        let file = try Self.open(path)
        do throws(Errno) {
            let size = try File.status(of: file.raw).size
            files = Mutex(Files(current: file, size: size))
        } catch {
            throw .file(path: path, error)
        }
    }

    private static func open(_ path: String) throws(SupervisorError) -> Descriptor {
        do throws(Errno) {
            return try File.open(path, [.write, .create, .append, .noFollow], mode: 0o600)
        } catch {
            throw .file(path: path, error)
        }
    }

    /// A descriptor of the file for somebody who may outlive us.
    func descriptorForLastWords() throws(SupervisorError) -> Descriptor { try Self.open(path) }

    /// One line, without its end.
    func write(_ line: String) {
        let bytes = Self.timed(line)
        files.withLock { files in
            if files.size + bytes.count > Self.bytesMax { rotate(&files) }
            files.size += bytes.count
            Self.write(bytes, to: 2)
            Self.write(bytes, to: files.current.raw)
        }
    }

    fileprivate static func timed(_ line: String) -> [UInt8] {
        Array("\(UTCTime(milliseconds: Clock.wallMilliseconds())) \(line)\n".utf8)
    }

    fileprivate static func write(_ bytes: [UInt8], to raw: Int32) {
        do throws(Errno) {
            _ = try Descriptor.write(bytes, to: raw)
        } catch {
            // A log that cannot be written cannot say so.
        }
    }

    private func rotate(_ files: inout Files) {
        do throws(Errno) {
            for age in (1..<Self.oldFilesMax).reversed() {
                do { try File.rename("\(path).\(age)", to: "\(path).\(age + 1)") } catch {
                    if error != .noSuchFileOrDirectory { throw error }
                }
            }
            try File.rename(path, to: path + ".1")
        } catch {
            // Written on into the same file, then, until the next attempt.
        }
        do throws(SupervisorError) { files.current = try Self.open(path) } catch { return }
        files.size = 0
    }
}

/// Writes each message as one line: level, label, message, then the metadata in order.
public struct LineLogHandler: LogHandler {
    public var metadata: Logger.Metadata = [:]
    public var logLevel: Logger.Level
    private let label: String
    private let write: @Sendable (String) -> Void

    public init(label: String, level: Logger.Level, write: @escaping @Sendable (String) -> Void) {
        self.label = label
        logLevel = level
        self.write = write
    }

    /// To standard error, where the supervisor, or a person, reads it. A reader who does not keep up loses lines; nobody waits for him.
    public static func standardError(label: String, level: Logger.Level) -> LineLogHandler {
        LineLogHandler(label: label, level: level) { line in
            do throws(Errno) {
                _ = try Descriptor.write(Array((line + "\n").utf8), to: 2)
            } catch {
                // Nobody reads.
            }
        }
    }

    /// One line of a node's log, with its time, by a process that has no supervisor any more.
    public static func note(_ line: String, to raw: Int32) { NodeLog.write(NodeLog.timed(line), to: raw) }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var line = "\(event.level) \(label): \(event.message)"
        var all = metadata
        if let more = event.metadata { all.merge(more) { $1 } }
        for (key, value) in all.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(value)" }
        write(line.replacing("\n", with: " "))
    }
}

/// An instant as people write it: `2031-05-17T08:03:59.250Z`.
struct UTCTime: CustomStringConvertible {
    let milliseconds: Int64

    var description: String {
        let days = Int((Double(milliseconds) / 86_400_000).rounded(.down))
        let rest = Int(milliseconds) - days * 86_400_000
        let (year, month, day) = Self.date(days)
        let time = [rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60].map { Self.padded($0, 2) }.joined(separator: ":")
        return "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))T\(time).\(Self.padded(rest % 1000, 3))Z"
    }

    /// The Gregorian date so many days after 1970 began: eras of 400 years, years that begin in March, so that the leap day is the last.
    static func date(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * marchMonth + 2) / 5 + 1)
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
