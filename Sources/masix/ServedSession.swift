import Masix
import MasixLinux
import MasixProtocols
import MasixWire
import Synchronization
import SystemPackage

/// One program and the stream to its client.
///
/// Three threads: what comes goes to the program's standard input, what it prints goes to the client, and what must not wait behind
/// bytes comes by the control port. Each ends by itself when the client has dropped its rights, by its own will or by its death.
final class ServedSession: Sendable {
    let pid: Int32
    private let process: ProcessDescriptor
    private let input: Mutex<Descriptor?>
    private let output: Mutex<Descriptor?>
    /// Added to when nobody reads what the program prints.
    private let unread: EventCounter
    private let client: SendRight
    private let data: ReceiveRight
    private let control: ReceiveRight
    private let running: RunningSessions
    /// The exit code that the session's end is worth, plus one; 0 while it lasts.
    private let ended = FutexWord()

    init(_ command: [String], client: consuming SendRight, _ space: Space, _ running: RunningSessions) throws {
        let inward = try Self.onLinux { () throws(Errno) in try Pipe.make() }
        let outward = try Self.onLinux { () throws(Errno) in try Pipe.make() }
        unread = try Self.onLinux { () throws(Errno) in try EventCounter() }
        data = try space.makePort(queueLimit: StreamProtocol.queueLimit)
        control = try space.makePort()
        let child = try Program.start(command, input: inward.reader.raw, output: outward.writer.raw, deathSignal: Signal.hangUp)
        pid = child.pid
        process = child.takeProcess()
        input = Mutex(inward.takeWriter())
        output = Mutex(outward.takeReader())
        self.client = client
        self.running = running
        running.add(self)
    }

    private static func onLinux<Result: ~Copyable>(_ body: () throws(Errno) -> Result) throws(Complaint) -> Result {
        do throws(Errno) { return try body() } catch { throw Complaint(error, "pipe") }
    }

    func makeDataRight() throws(MasixError) -> SendRight {
        let right = try data.makeSendRight()
        try data.requestNoSenders(sync: 1, to: data)
        return right
    }

    func makeControlRight() throws(MasixError) -> SendRight {
        let right = try control.makeSendRight()
        try control.requestNoSenders(sync: 1, to: control)
        return right
    }

    func start() throws {
        do throws(Errno) {
            try DetachedThread.start("stream-in") { [self] in Self.reporting { () throws(MasixError) in try feed() } }
            try DetachedThread.start("stream-control") { [self] in Self.reporting { () throws(MasixError) in try obey() } }
            try DetachedThread.start("stream-out") { [self] in tell() }
        } catch {
            throw Complaint("no thread for a stream: \(error)", .internalFault)
        }
    }

    private static func reporting(_ body: () throws(MasixError) -> Void) {
        do throws(MasixError) { try body() } catch { Output.remark("masix: a stream ends: \(error)") }
    }

    /// Until the program has ended and the client has been told.
    func waitForEnd() -> Int32 {
        while true {
            let value = ended.value
            if value != 0 { return Int32(value) - 1 }
            _ = try? ended.wait(while: 0, timeoutNanoseconds: nil)
        }
    }

    func signal(_ number: Int32) {
        do throws(Errno) { try process.sendSignal(number) } catch .noSuchProcess {
            // It has ended already.
        } catch {
            Output.remark("masix: process \(pid) did not get signal \(number): \(error)")
        }
    }

    // MARK: client to program

    private func feed() throws(MasixError) {
        while true {
            let message = try data.receive()
            // No-senders: the client has gone, or needs us no more.
            if message.notification != nil { return closeInput() }
            guard let word = try? StreamMessage(wireBytes: message.bytes) else {
                Output.remark("masix: a client of a stream sent nonsense")
                signal(Signal.hangUp)
                return closeInput()
            }
            switch word {
            case .data(let bytes): try feed(bytes)
            case .end: closeInput()
            case .closed, .signal, .exited, .killed: break
            }
        }
    }

    private func feed(_ bytes: [UInt8]) throws(MasixError) {
        // Only this thread takes it away, so nobody waits for this lock.
        let isRead = input.withLock { input -> Bool in
            do throws(Errno) {
                try input?.writeAll(bytes)
                return true
            } catch {
                // A broken pipe: the program reads no more. Anything else is as good.
                return false
            }
        }
        guard !isRead else { return }
        closeInput()
        try say(.closed)
    }

    private func closeInput() {
        input.withLock { $0 = nil }
    }

    // MARK: program to client

    private func tell() {
        do throws(MasixError) {
            while let bytes = nextOutput() { try say(.data(bytes)) }
            try say(.end)
        } catch {
            // The client has died: its control port tells the program.
        }
        // If it still prints, it learns that nobody reads.
        output.withLock { $0 = nil }
        let last = lastWord()
        do throws(MasixError) { try say(last.word) } catch {
            // As above.
        }
        running.end(self)
        ended.set(UInt32(last.code) + 1)
        ended.wake(count: .max)
    }

    /// Nil at the end, or when nobody wants more.
    private func nextOutput() -> [UInt8]? {
        do throws(Errno) {
            // Only this thread uses it, so nobody waits for this lock.
            let bytes = try output.withLock { output throws(Errno) -> [UInt8] in
                guard let raw = output?.raw else { return [] }
                let ready = try Ready.pollTwo(raw, for: .readable, unread.raw, for: .readable, timeoutNanoseconds: nil)
                return ready.second ? [] : try Descriptor.readBytes(from: raw, max: StreamProtocol.pieceBytesMax)
            }
            return bytes.isEmpty ? nil : bytes
        } catch {
            return nil
        }
    }

    private func lastWord() -> (word: StreamMessage, code: Int32) {
        do throws(Errno) {
            switch try process.wait() {
            case .exited(let code): return (.exited(code: UInt8(truncatingIfNeeded: code)), code & 0xFF)
            case .signalled(let number, _): return (.killed(signal: UInt8(truncatingIfNeeded: number)), 128 + number)
            case nil: return (.exited(code: 255), 255)
            }
        } catch {
            Output.remark("masix: process \(pid) could not be waited for: \(error)")
            return (.exited(code: 255), 255)
        }
    }

    /// Waits while the client's queue is full.
    private func say(_ word: StreamMessage) throws(MasixError) {
        try client.send(Message(code: StreamProtocol.dataCode, bytes: word.wireBytes))
    }

    // MARK: what does not wait

    private func obey() throws(MasixError) {
        while true {
            let message = try control.receive()
            if message.notification != nil {
                // The client has gone. If the program still runs, nobody hears it.
                stopReading()
                return signal(Signal.hangUp)
            }
            switch try? StreamMessage(wireBytes: message.bytes) {
            case .signal(let number)?: signal(Int32(number))
            case .closed?: stopReading()
            default: break
            }
        }
    }

    private func stopReading() {
        do throws(Errno) { try unread.add() } catch { Output.remark("masix: \(error)") }
    }
}

extension Child {
    consuming func takeProcess() -> ProcessDescriptor { process }
}

extension PipeEnds {
    /// Closes the writer.
    consuming func takeReader() -> Descriptor { reader }
    /// Closes the reader.
    consuming func takeWriter() -> Descriptor { writer }
}
