public import Masix
public import MasixLinux
import MasixWire
import Synchronization
public import SystemPackage

/// A program that has been started for a stream, and the ends that are ours: what is written into `input` it reads, and the other way
/// round.
public struct StreamProgram: ~Copyable, Sendable {
    let child: Child
    let input: Descriptor
    let output: Descriptor
    let hasTerminal: Bool

    /// On two pipes.
    public init(_ child: consuming Child, input: consuming Descriptor, output: consuming Descriptor) {
        self.child = child
        self.input = input
        self.output = output
        hasTerminal = false
    }

    /// On a terminal, whose master's side this is. Nobody of this process may keep the slave's.
    public init(_ child: consuming Child, terminal: consuming Descriptor) throws(Errno) {
        // Whoever writes or reads looks first whether he can, and at what else may have happened.
        try terminal.setNonBlocking(true)
        input = try terminal.duplicate()
        output = terminal
        hasTerminal = true
        self.child = child
    }
}

/// One program and the stream to its client.
///
/// Three threads: what comes goes to the program, what it prints goes to the client, and what must not wait behind bytes comes by the
/// control port. Each ends by itself when the client has dropped its rights, by its own will or by its death; the program gets SIGHUP
/// then, and loses its terminal.
public final class StreamSession: Sendable {
    /// Of the program.
    public let pid: Int32
    private let process: ProcessDescriptor
    private let input: Mutex<Descriptor?>
    private let output: Mutex<Descriptor?>
    /// The terminal, for its size; nil for pipes.
    private let window: Mutex<Descriptor?>
    private let hasTerminal: Bool
    /// Added to when nobody reads what the program prints.
    private let unread: EventCounter
    private let client: SendRight
    private let data: ReceiveRight
    private let control: ReceiveRight
    private let running: StreamSessions
    private let remark: @Sendable (String) -> Void
    /// The exit code that the session's end is worth, plus one; 0 while it lasts.
    private let ended = FutexWord()

    /// `start` is called once all else is there. To be called on a thread that lives as long as the process, if the program is to be told
    /// of its death. `remark` is told what went wrong that nobody else is told, in words.
    public init(
        client: consuming SendRight, _ space: Space, _ running: StreamSessions, remark: @escaping @Sendable (String) -> Void,
        start: () throws -> StreamProgram
    ) throws {
        unread = try EventCounter()
        data = try space.makePort(queueLimit: StreamProtocol.queueLimit)
        control = try space.makePort()
        self.client = client
        self.running = running
        self.remark = remark
        let program = try start()
        pid = program.child.pid
        process = program.child.process
        hasTerminal = program.hasTerminal
        window = Mutex(program.hasTerminal ? try program.output.duplicate() : nil)
        input = Mutex(program.input)
        output = Mutex(program.output)
        running.add(self)
    }

    /// For the client; once.
    public func makeDataRight() throws(MasixError) -> SendRight {
        let right = try data.makeSendRight()
        try data.requestNoSenders(sync: 1, to: data)
        return right
    }

    /// For the client; once.
    public func makeControlRight() throws(MasixError) -> SendRight {
        let right = try control.makeSendRight()
        try control.requestNoSenders(sync: 1, to: control)
        return right
    }

    /// Begins to carry. Throws if there is no thread, and then the program is to be hung up.
    public func start() throws(Errno) {
        try DetachedThread.start("stream-in") { [self] in reporting { () throws(MasixError) in try feed() } }
        try DetachedThread.start("stream-control") { [self] in reporting { () throws(MasixError) in try obey() } }
        try DetachedThread.start("stream-out") { [self] in tell() }
    }

    private func reporting(_ body: () throws(MasixError) -> Void) {
        do throws(MasixError) { try body() } catch { remark("a stream ends: \(error)") }
    }

    /// Until the program has ended and the client has been told.
    public func waitForEnd() -> Int32 {
        while true {
            let value = ended.value
            if value != 0 { return Int32(value) - 1 }
            _ = try? ended.wait(while: 0, timeoutNanoseconds: nil)
        }
    }

    public func signal(_ number: Int32) {
        do throws(Errno) { try process.sendSignal(number) } catch .noSuchProcess {
            // It has ended already.
        } catch {
            remark("process \(pid) did not get signal \(number): \(error)")
        }
    }

    // MARK: client to program

    private func feed() throws(MasixError) {
        while true {
            let message = try data.receive()
            // No-senders: the client has gone, or needs us no more.
            if message.notification != nil { return closeInput() }
            guard let word = try? StreamMessage(wireBytes: message.bytes) else {
                remark("a client of a stream sent nonsense")
                signal(Signal.hangUp)
                return closeInput()
            }
            switch word {
            case .data(let bytes): try feed(bytes)
            case .end: if hasTerminal { endTerminalInput() } else { closeInput() }
            case .closed, .signal, .exited, .killed, .resized: break
            }
        }
    }

    private func feed(_ bytes: [UInt8]) throws(MasixError) {
        if hasTerminal { return feedTerminal(bytes) }
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

    /// A program that does not read its terminal holds nobody up who wants to hang up.
    private func feedTerminal(_ bytes: [UInt8]) {
        // Only this thread takes it away, so nobody waits for this lock.
        input.withLock { input in
            guard let raw = input?.raw else { return }
            var rest = bytes[...]
            do throws(Errno) {
                while !rest.isEmpty {
                    let ready = try Ready.poll(
                        [.init(raw, for: .writable), .init(unread.raw, for: .readable), .init(process.raw, for: .readable)],
                        timeoutNanoseconds: nil)
                    guard ready.contains(0), !ready.contains(1) else { return }
                    do throws(Errno) { rest = rest.dropFirst(try Descriptor.write(Array(rest), to: raw)) } catch {
                        guard error == .wouldBlock || error == .resourceTemporarilyUnavailable else { throw error }
                    }
                }
            } catch {
                // Nobody has the terminal any more: the program has ended, which is told elsewhere.
            }
        }
    }

    /// Types `^D` again and again: who reads on finds the end every time, and one that comes while a shell makes its terminal ready is lost.
    private func endTerminalInput() {
        do throws(Errno) {
            var isOver = false
            while !isOver {
                feedTerminal([4])
                isOver = try !Ready.poll(
                    [.init(unread.raw, for: .readable), .init(process.raw, for: .readable)], timeoutNanoseconds: Self.endNanoseconds
                ).isEmpty
            }
        } catch {
            remark("the end of the input of process \(pid) is not told: \(error)")
        }
    }

    private static let endNanoseconds: UInt64 = 100_000_000

    private func closeInput() {
        input.withLock { $0 = nil }
    }

    // MARK: program to client

    private func tell() {
        do throws(MasixError) {
            var left = Self.lastBytesMax
            while let bytes = nextOutput(&left) { try say(.data(bytes)) }
            try say(.end)
        } catch {
            // The client has died: its control port tells the program.
        }
        // If it still prints, it learns that nobody reads; a terminal hangs up when the last of ours is closed.
        output.withLock { $0 = nil }
        window.withLock { $0 = nil }
        let last = lastWord()
        do throws(MasixError) { try say(last.word) } catch {
            // As above.
        }
        running.end(self)
        ended.set(UInt32(last.code) + 1)
        ended.wake(count: .max)
    }

    /// Nil at the end, or when nobody wants more.
    private func nextOutput(_ left: inout Int) -> [UInt8]? {
        if hasTerminal { return nextOutputOfTerminal(&left) }
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

    /// Until the program has ended and nothing more is there: what it leaves in the background does not hold up the end. `left` is how
    /// much may still come after it.
    private func nextOutputOfTerminal(_ left: inout Int) -> [UInt8]? {
        guard let raw = output.withLock({ $0?.raw }) else { return nil }
        do throws(Errno) {
            while true {
                let ready = try Ready.poll(
                    [.init(raw, for: .readable), .init(unread.raw, for: .readable), .init(process.raw, for: .readable)],
                    timeoutNanoseconds: nil)
                if ready.contains(1) { return nil }
                // What was written last may still be on its way through the terminal when the program has ended.
                if ready.contains(2) {
                    guard left > 0, try Ready.poll(raw, for: .readable, timeoutNanoseconds: Self.lastWordsNanoseconds) else { return nil }
                }
                do throws(Errno) {
                    let bytes = try Descriptor.readBytes(from: raw, max: StreamProtocol.pieceBytesMax)
                    if ready.contains(2) { left -= bytes.count }
                    return bytes.isEmpty ? nil : bytes
                } catch {
                    guard error == .wouldBlock || error == .resourceTemporarilyUnavailable else { throw error }
                }
            }
        } catch {
            // Nobody has the terminal any more.
            return nil
        }
    }

    private static let lastWordsNanoseconds: UInt64 = 50_000_000
    /// More than any terminal holds; what a program leaves in the background may print for ever.
    private static let lastBytesMax = 1 << 20

    private func lastWord() -> (word: StreamMessage, code: Int32) {
        do throws(Errno) {
            switch try process.wait() {
            case .exited(let code): return (.exited(code: UInt8(truncatingIfNeeded: code)), code & 0xFF)
            case .signalled(let number, _): return (.killed(signal: UInt8(truncatingIfNeeded: number)), 128 + number)
            case nil: return (.exited(code: 255), 255)
            }
        } catch {
            remark("process \(pid) could not be waited for: \(error)")
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
                window.withLock { $0 = nil }
                return signal(Signal.hangUp)
            }
            switch try? StreamMessage(wireBytes: message.bytes) {
            case .signal(let number)?: signal(Int32(number))
            case .closed?:
                stopReading()
                // Nobody sees the terminal any more.
                if hasTerminal { signal(Signal.hangUp) }
            case .resized(let size)?: resize(to: size)
            default: break
            }
        }
    }

    /// The program gets SIGWINCH from its terminal.
    private func resize(to size: TerminalSize) {
        window.withLock { window in
            guard let raw = window?.raw else { return }
            do throws(Errno) { try Terminal.setSize(raw, columns: Int(size.columns), rows: Int(size.rows)) } catch {
                remark("the terminal of process \(pid) keeps its size: \(error)")
            }
        }
    }

    private func stopReading() {
        do throws(Errno) { try unread.add() } catch { remark("\(error)") }
    }
}

/// The programs that run, so that they can be told when their server ends.
public final class StreamSessions: Sendable {
    private struct State {
        var count = 0
        var sessions: [Int32: StreamSession] = [:]
    }

    private let state = Mutex(State())
    private let max: Int

    /// At most so many at a time.
    public init(max: Int) { self.max = max }

    /// Takes a place, which the session gives back at its end; false if none is free.
    public func begin() -> Bool {
        state.withLock { state in
            guard state.count < max else { return false }
            state.count += 1
            return true
        }
    }

    func add(_ session: StreamSession) { state.withLock { $0.sessions[session.pid] = session } }

    /// Gives back a place; nil for a session that has not come to be.
    public func end(_ session: StreamSession?) {
        state.withLock { state in
            state.count -= 1
            if let session { state.sessions[session.pid] = nil }
        }
    }

    /// SIGHUP to all.
    public func endAll() {
        for session in state.withLock({ Array($0.sessions.values) }) { session.signal(Signal.hangUp) }
    }
}
