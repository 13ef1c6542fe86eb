import Logging
import MasixLinux
import MasixTransport
import Synchronization
import SystemPackage

/// Keeps the nucleus alive: holds duplicates of everything that it has, and starts the next one with them when it dies
/// (architecture rule 19).
///
/// All of it is on one thread that lives as long as the supervisor. It must not be the one that asks the kernel: while there is no
/// nucleus every request waits, and only this thread can end the waiting.
final class NucleusGuard: Sendable {
    /// Deaths within the time below that make an end: whatever kills a nucleus that often kills the next one too.
    static let deathsMax = 6
    static let deathsMilliseconds: UInt64 = 10_000

    enum News: Sendable {
        /// Another one runs; this is what it writes.
        case born(ChildOutput)
        /// The last one has ended, and there will be no other.
        case over(how: String)
    }

    private struct State {
        var child: ChildProcess?
        var news: [News] = []
        var isEnding = false
        var restarts = 0
    }

    private let state: Mutex<State>
    /// Readable when there is news.
    private let bell: EventCounter
    private let kept = KeptDescriptors()
    private let nursery: Nursery
    private let logger: Logger
    private let lastWords: Descriptor

    /// Starts the first nucleus, with its listening socket and the socket of the first task (lent).
    init(_ nursery: Nursery, listener: Int32, firstTask: Int32, lastWords: consuming Descriptor, _ logger: Logger) throws(Errno) {
        self.nursery = nursery
        self.logger = logger
        self.lastWords = lastWords
        bell = try EventCounter()
        state = Mutex(State())
        let listener = try Descriptor.duplicate(of: listener)
        let firstTask = try Descriptor.duplicate(of: firstTask)
        let first = FirstDescriptors(listener: listener, firstTask: firstTask)
        try DetachedThread.start("masix-guard") { self.live(first) }
    }

    /// Readable when `takeNews` has something.
    var raw: Int32 { bell.raw }

    var pid: Int32 { state.withLock { $0.child?.pid ?? 0 } }
    var restarts: Int { state.withLock { $0.restarts } }

    func takeNews() -> [News] {
        do throws(Errno) { _ = try bell.take() } catch { logger.debug("nothing new", metadata: ["error": "\(error)"]) }
        return state.withLock { state in
            defer { state.news = [] }
            return state.news
        }
    }

    /// From now on the nucleus that ends is the last one; this one is told to.
    func end(_ signal: Int32) throws(Errno) {
        let child = state.withLock { state in
            state.isEnding = true
            return state.child
        }
        try child?.signal(signal)
    }

    // MARK: the thread

    private func live(_ first: FirstDescriptors) {
        var given: FirstDescriptors? = first
        var deaths: [UInt64] = []
        while true {
            let how: String
            do {
                how = try liveOnce(given)
                given = nil
            } catch {
                how = "could not be started: \(error)"
            }
            let now = Clock.monotonicNanoseconds() / 1_000_000
            deaths = deaths.filter { now - $0 < Self.deathsMilliseconds } + [now]
            let isLast = state.withLock { state in
                state.child = nil
                state.restarts += 1
                return state.isEnding
            }
            if isLast || deaths.count >= Self.deathsMax {
                tell(.over(how: isLast ? how : "\(how), \(deaths.count) times within \(Self.deathsMilliseconds / 1000) s"))
                return
            }
            logger.warning("the nucleus \(how); another one takes over", metadata: ["kept": "\(kept.count)"])
        }
    }

    /// Starts a nucleus, gives it what is kept, and keeps for it until it is gone.
    private func liveOnce(_ first: FirstDescriptors?) throws -> String {
        let pair = try MessageSocket.pair()
        let born = try nursery.startNucleus(
            listener: first?.listener.raw, firstTask: first?.firstTask.raw, keeper: pair.second.raw, lastWords: lastWords.raw)
        // The other end belongs to the nucleus alone: its end is the end of the socket.
        let socket = pair.takeFirst()
        state.withLock { $0.child = born.child }
        tell(.born(born.output))
        do {
            try kept.replay(to: socket.raw)
            try kept.serve(socket.raw)
        } catch {
            logger.error("the nucleus and its keeper do not understand each other", metadata: ["error": "\(error)"])
            try born.child.signal(Signal.kill)
        }
        _ = try Ready.poll(born.child.raw, for: .readable, timeoutNanoseconds: nil)
        return try born.child.end()?.how ?? "ended"
    }

    private func tell(_ news: News) {
        state.withLock { $0.news.append(news) }
        do throws(Errno) { try bell.add() } catch { logger.error("the supervisor cannot be told", metadata: ["error": "\(error)"]) }
    }
}

/// What the first nucleus is given and every later one finds with the keeper.
private final class FirstDescriptors: Sendable {
    let listener: Descriptor
    let firstTask: Descriptor

    init(listener: consuming Descriptor, firstTask: consuming Descriptor) {
        self.listener = listener
        self.firstTask = firstTask
    }
}
