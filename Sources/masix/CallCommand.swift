import ArgumentParser
import Masix
import MasixLinux
import MasixSecure
import MasixTransport
import SystemPackage

/// `masix call`
struct CallCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: "Send a message to a name and print the answer's bytes.",
        discussion: "With TEXT the message is that text; with - or nothing it is what standard input holds. The answer is printed as it is."
    )

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @OptionGroup var timeout: TimeoutOption
    @Option(name: .customLong("code"), help: ArgumentHelp("The message's code.", valueName: "number"))
    var code: UInt32 = 0
    @Flag(name: .customLong("one-way"), help: "Send, and do not wait for an answer.")
    var isOneWay = false
    @Flag(name: .customLong("wait"), help: "Wait until somebody has registered the name.")
    var waits = false
    @Argument(help: ArgumentHelp("The name of a port.", valueName: "name"))
    var name: String
    @Argument(help: ArgumentHelp("The message, or - for standard input.", valueName: "text"))
    var text: String?

    func perform() throws {
        let bytes = try message()
        let space = try node.attach()
        let right = try space.names.lookUp(name, wait: waits, timeout: timeout.duration ?? (waits ? nil : .seconds(10)))
        if isOneWay {
            try right.send(Message(code: code, bytes: bytes), timeout: timeout.duration)
            if json.isOn { try Output.line(JSON.object([("sent_bytes", JSON(bytes.count))]).text) }
            return
        }
        let answer = try right.call(Message(code: code, bytes: bytes), timeout: timeout.duration)
        guard json.isOn else {
            try Output.write(answer.bytes, to: 1)
            // A terminal's next prompt belongs on a line of its own.
            if Terminal.isTerminal(1), let last = answer.bytes.last, last != UInt8(ascii: "\n") { try Output.line() }
            if answer.rightCount + answer.memoryCount > 0 {
                Output.remark("masix: the answer also had \(answer.rightCount) rights and \(answer.memoryCount) memory objects")
            }
            return
        }
        try Output.line(
            JSON.object([
                ("code", JSON(answer.code)), ("sender", JSON(answer.sender.raw)), ("text", JSON(answer.text)),
                ("bytes", JSON(Hexadecimal.encode(answer.bytes))), ("rights", JSON(answer.rightCount)),
                ("memory", JSON(answer.memoryCount)),
            ]).text)
    }

    private func message() throws -> [UInt8] {
        if let text, text != "-" { return Array(text.utf8) }
        var all: [UInt8] = []
        while true {
            let part: [UInt8]
            do throws(Errno) { part = try Descriptor.readBytes(from: 0, max: 65_536) } catch { throw Complaint(error, "standard input") }
            if part.isEmpty { return all }
            all += part
            guard all.count <= Limits.inlineBytesMax else { throw MasixError.tooLarge(bytes: all.count) }
        }
    }
}

/// `masix ping`
struct PingCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping", abstract: "Measure null calls.",
        discussion: """
            With NAME: calls the server of that name, which must answer anything (a file server answers that it did not understand, which \
            is an answer). Without: starts a second task of its own that answers. The share is of those messages that took a link.
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @Option(name: .customLong("count"), help: ArgumentHelp("Calls to measure.", valueName: "n"))
    var count = 10_000
    @Option(name: .customLong("size"), help: ArgumentHelp("Bytes of each message.", valueName: "bytes"))
    var size = 64
    @Option(name: .customLong("interval"), help: ArgumentHelp("Microseconds to rest between two calls.", valueName: "us"))
    var interval: UInt64 = 0
    @Argument(help: ArgumentHelp("The name of a port.", valueName: "name"))
    var name: String?

    func validate() throws {
        guard (1...100_000_000).contains(count) else { throw ValidationError("--count must be from 1 to 100000000") }
        guard (0...Limits.inlineBytesMax).contains(size) else { throw ValidationError("--size must be from 0 to \(Limits.inlineBytesMax)") }
    }

    func perform() throws {
        let space = try node.attach()
        guard let name else {
            let echo = "ping-\(CurrentProcess.pid)"
            let answerer = try Self.startAnswerer(echo, node)
            do {
                try measure(space.names.lookUp(echo, wait: true, timeout: .seconds(10)), space)
            } catch {
                answerer.stop()
                throw error
            }
            return answerer.stop()
        }
        try measure(space.names.lookUp(name, timeout: .seconds(10)), space)
    }

    private func measure(_ right: consuming SendRight, _ space: Space) throws {
        let message = [UInt8](repeating: 0x2E, count: size)
        // The first calls make the link and find out how long to spin.
        for _ in 0..<min(1000, max(10, count / 10)) { _ = try right.call(Message(bytes: message), timeout: .seconds(10)) }
        let before = try passedByNucleus(space)
        var times: [UInt64] = []
        times.reserveCapacity(count)
        let start = Clock.monotonicNanoseconds()
        for _ in 0..<count {
            if interval > 0 { Self.rest(interval) }
            let sent = Clock.monotonicNanoseconds()
            _ = try right.call(Message(bytes: message), timeout: .seconds(10))
            times.append(Clock.monotonicNanoseconds() - sent)
        }
        let whole = Clock.monotonicNanoseconds() - start
        let after = try passedByNucleus(space)
        times.sort()
        let share = after.flatMap { after in before.map { 1 - Double(after - min($0, after)) / Double(2 * count) } }.map { max(0, $0) }
        try report(times, whole, share)
    }

    private func report(_ times: [UInt64], _ whole: UInt64, _ share: Double?) throws {
        func percentile(_ part: Double) -> UInt64 { times[min(times.count - 1, Int(Double(times.count) * part))] }
        let (middle, late) = (percentile(0.5), percentile(0.99))
        if json.isOn {
            return try Output.line(
                JSON.object([
                    ("calls", JSON(times.count)), ("size", JSON(size)), ("p50_us", JSON(Double(middle) / 1000)),
                    ("p99_us", JSON(Double(late) / 1000)), ("max_us", JSON(Double(times[times.count - 1]) / 1000)),
                    ("calls_per_s", JSON(Double(times.count) / (Double(whole) / 1e9))), ("by_link", share.map { JSON($0) } ?? .null),
                ]).text)
        }
        let rate = Figure.decimals(Double(times.count) / (Double(whole) / 1e9), 0)
        let links = share.map { ", \(Figure.decimals($0 * 100, 2)) % of the messages by link" } ?? ""
        try Output.line(
            "\(times.count) calls of \(size) bytes: p50 \(Figure.microseconds(middle)), p99 \(Figure.microseconds(late)), \(rate) calls/s\(links)"
        )
    }

    /// Messages that the nucleus has handed out so far; nil for who may not know.
    private func passedByNucleus(_ space: Space) throws -> UInt64? {
        if case .counters(let counters) = try space.query(.counters) { return counters["messages received by the nucleus"] }
        return nil
    }

    private static func rest(_ microseconds: UInt64) {
        let word = FutexWord()
        // Nobody changes the word: this sleeps until the time is over.
        _ = try? word.wait(while: 0, timeoutNanoseconds: microseconds * 1000)
    }

    /// This very program, as a task that answers everything.
    private static func startAnswerer(_ name: String, _ node: NodeOptions) throws -> Child {
        do throws(Errno) {
            let executable = try executablePath(ofPID: CurrentProcess.pid)
            var launch = Launch(
                executable, arguments: ["masix", "answer", name, "--node", node.path], environment: CurrentProcess.environment)
            launch.placements = [.init(2, at: 2)]
            launch.parentDeathSignal = Signal.terminate
            return try launch.start()
        } catch {
            throw Complaint("the answering task could not be started: \(error)", .internalFault)
        }
    }
}

extension Child {
    /// Ends the program and reaps it.
    borrowing func stop() {
        do throws(Errno) {
            try process.sendSignal(Signal.kill)
            _ = try process.wait()
        } catch {
            Output.remark("masix: process \(pid) could not be ended: \(error)")
        }
    }
}

/// `masix answer`: the other end of `masix ping`.
struct AnswerCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "answer", abstract: "Register a name and answer each message with its own bytes, until ended.")

    @OptionGroup var node: NodeOptions
    @Argument(help: ArgumentHelp("The name to register.", valueName: "name"))
    var name: String

    func perform() throws {
        let space = try node.attach()
        let port = try space.names.register(name, queueLimit: 64, timeout: .seconds(10))
        while true {
            var message = try port.receive()
            guard let reply = message.takeReply() else { continue }
            do throws(MasixError) {
                try reply.send(Message(code: message.code, bytes: message.bytes))
            } catch .nodeGone {
                throw MasixError.nodeGone
            } catch {
                Output.remark("masix: an answer was not sent: \(error)")
            }
        }
    }
}
