import Logging
import MasixLinux
import MasixTransport
import Synchronization
import SystemPackage

/// The nucleus, kept alive: what it needs to go on after its death is held here, and it is started again (architecture rule 19).
///
/// On a thread of its own. The supervisor's main thread talks with the nucleus, and waits for its answers: were it also the one that
/// starts it again, it would wait for itself.
final class NucleusWatch: Sendable {
    /// Deaths in a row, none of them after a healthy life, of which the node dies too.
    static let deathsMax = 8

    struct State: Sendable {
        var process: ChildProcess
        /// Milliseconds of the steady clock.
        var since: UInt64
        var restarts: UInt32 = 0
        var lastEnd = ""
        var isRunning = true
        /// It is to end, and not to come back.
        var isStopping = false
    }

    private let nursery: Nursery
    private let logger: Logger
    private let state: Mutex<State>
    private let lastWords: Descriptor
    /// What every life of it writes into.
    private let output: Descriptor
    /// Rung when the nucleus is gone for good.
    private let over: EventCounter

    /// Starts the first one. Listener and first task (lent) are its from then on.
    init(
        nursery: Nursery, listener: Int32, firstTask: Int32, lastWords: consuming Descriptor, output: consuming Descriptor, logger: Logger
    ) throws(Errno) {
        self.nursery = nursery
        self.logger = logger
        self.lastWords = lastWords
        self.output = output
        over = try EventCounter()
        let pair = try MessageSocket.pair()
        let process = try nursery.startNucleus(
            first: (listener, firstTask), keeper: pair.second.raw, lastWords: self.lastWords.raw, output: self.output.raw)
        state = Mutex(State(process: process, since: Self.now))
        let ours = SharedDescriptor(pair.takeFirst())
        try DetachedThread.start("masix-keeper") { self.keep(process, ours) }
    }

    private static var now: UInt64 { Clock.monotonicNanoseconds() / 1_000_000 }

    var status: State { state.withLock { $0 } }
    /// Readable when the nucleus is gone for good.
    var raw: Int32 { over.raw }

    func signal(_ number: Int32) throws(Errno) {
        let process = state.withLock { $0.process }
        try process.signal(number)
    }

    /// Asks it to end.
    func stop() throws(Errno) {
        state.withLock { $0.isStopping = true }
        try signal(Signal.terminate)
    }

    // MARK: the thread

    private func keep(_ process: ChildProcess, _ socket: SharedDescriptor) {
        // Known to this thread alone: when it gives up, the ends of all sockets of the node close, and whoever waits is told.
        let kept = KeptDescriptors()
        var (process, socket) = (process, socket)
        var backOff = BackOff()
        var deaths = 0
        while true {
            let began = Self.now
            serve(kept, socket, process)
            let how = end(of: process)
            let isStopping = state.withLock { state in
                state.isRunning = false
                state.lastEnd = how
                return state.isStopping
            }
            if isStopping { break }
            let ran = Self.now - began
            deaths = ran >= BackOff.healthy ? 1 : deaths + 1
            let wait = backOff.wait(afterRunning: ran)
            guard deaths < Self.deathsMax else {
                logger.critical("the nucleus \(how), \(deaths) times in a row: the node ends")
                break
            }
            logger.error("the nucleus \(how); it goes on where it was", metadata: ["time": "\(deaths)"])
            // The first time at once: every task of the node waits for it.
            if deaths > 1 { pause(milliseconds: wait) }
            do throws(Errno) {
                let pair = try MessageSocket.pair()
                process = try nursery.startNucleus(first: nil, keeper: pair.second.raw, lastWords: lastWords.raw, output: output.raw)
                socket = SharedDescriptor(pair.takeFirst())
            } catch {
                logger.critical("the nucleus cannot be started again: \(error); the node ends")
                break
            }
            let new = process
            let mustStop = state.withLock { state in
                state.process = new
                state.since = Self.now
                state.restarts += 1
                state.isRunning = true
                return state.isStopping
            }
            if mustStop { try? new.signal(Signal.terminate) }
        }
        do throws(Errno) { try over.add() } catch { logger.critical("the end of the nucleus cannot be told: \(error)") }
    }

    /// Until its end of the socket is closed, which is with its death.
    private func serve(_ kept: KeptDescriptors, _ socket: SharedDescriptor, _ process: ChildProcess) {
        do {
            try kept.replay(to: socket.raw)
            try kept.serve(socket.raw)
        } catch {
            if let error = error as? Errno, error == .brokenPipe || error == .connectionReset { return }
            logger.critical("the nucleus and its keeper do not understand each other: \(error)")
            try? process.signal(Signal.kill)
        }
    }

    private func end(of process: ChildProcess) -> String {
        do throws(Errno) {
            _ = try Ready.poll(process.raw, for: .readable, timeoutNanoseconds: nil)
            return try process.end()?.how ?? "ended"
        } catch {
            return "ended (\(error))"
        }
    }

    private func pause(milliseconds: UInt64) {
        let bell = FutexWord()
        do throws(Errno) {
            _ = try bell.wait(while: 0, timeoutNanoseconds: milliseconds * 1_000_000)
        } catch {
            logger.error("cannot wait", metadata: ["error": "\(error)"])
        }
    }
}

/// A descriptor that goes to another thread.
private final class SharedDescriptor: Sendable {
    private let descriptor: Descriptor

    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    var raw: Int32 { descriptor.raw }
}
