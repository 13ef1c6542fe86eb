import MasixLinux
import MasixProtocols
import Synchronization
import SystemPackage

/// A line that says how far a copy has come, by a thread of its own: ten times a second on a terminal, where it goes away at the end; else
/// one below the other, each second and at the end.
final class ProgressBar: Sendable {
    private let progress: CopyProgress
    private let start = Clock.monotonicNanoseconds()
    private let isOver = Atomic<Bool>(false)
    private let wake = FutexWord()
    private let ended = FutexWord()

    init(_ progress: CopyProgress, isTerminal: Bool) throws {
        self.progress = progress
        let pause: UInt64 = isTerminal ? 100_000_000 : 1_000_000_000
        do throws(Errno) {
            try DetachedThread.start("progress") { [self] in
                while !isOver.load(ordering: .acquiring) {
                    if isTerminal { draw() }
                    _ = try? wake.wait(while: 0, timeoutNanoseconds: pause)
                    if !isTerminal { writeLine() }
                }
                if isTerminal { Self.write("\r\u{1B}[K") }
                ended.set(1)
                ended.wake(count: .max)
            }
        } catch {
            throw Complaint("no thread for the progress bar: \(error)", .internalFault)
        }
    }

    /// Takes the line away.
    func stop() {
        isOver.store(true, ordering: .releasing)
        wake.set(1)
        wake.wake()
        while ended.value == 0 { _ = try? ended.wait(while: 0, timeoutNanoseconds: 100_000_000) }
    }

    private func draw() { Self.write("\r\u{1B}[K" + line(columns: Terminal.columns(2) ?? 80)) }

    private func writeLine() { Self.write(line(columns: 100) + "\n") }

    private static func write(_ text: String) {
        // A terminal that has gone away needs no bar.
        _ = try? Descriptor.write(Array(text.utf8), to: 2)
    }

    private func line(columns: Int) -> String {
        let elapsed = Double(max(1, Clock.monotonicNanoseconds() - start)) / 1e9
        return Self.line(
            columns: columns, files: progress.files, foundFiles: progress.foundFiles, bytes: progress.bytes,
            foundBytes: progress.foundBytes, seconds: elapsed)
    }

    /// The line's text, at most `columns` - 1 wide.
    static func line(columns: Int, files: Int, foundFiles: Int, bytes: Int, foundBytes: Int, seconds: Double) -> String {
        let part = foundBytes > 0 ? min(1, Double(bytes) / Double(foundBytes)) : foundFiles > 0 ? Double(files) / Double(foundFiles) : 0
        let rate = Double(bytes) / max(seconds, 0.001)
        var words = " \(files)/\(foundFiles) files  \(Figure.bytes(bytes))  \(Figure.bytes(Int(rate)))/s"
        let left = Double(foundBytes - bytes) / max(rate, 1)
        if seconds > 1 && left < 100_000 { words += "  \(Figure.decimals(left, 0)) s left" }
        let percent = Figure.decimals((part * 100).rounded(.down), 0)
        let width = min(40, columns - words.count - 9)
        guard width >= 5 else { return String("\(percent) %\(words)".prefix(max(0, columns - 1))) }
        let filled = Int(part * Double(width))
        return "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled) + "] "
            + String(repeating: " ", count: 3 - percent.count) + percent + " %" + words
    }
}
