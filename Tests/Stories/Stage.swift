public import Masix
import MasixLinux
public import MasixTestKit
import Synchronization

/// What a role has: its task, and the ways to meet the others.
public final class Stage: Sendable {
    public let space: Space
    private let meeting: MeetingPlace
    private let foyer: Foyer?
    private let roles: Int
    private let thrift: Int

    /// With a `foyer` the roles are one task and meet there; else they meet at `meeting`, or at their node's exchange. Where every message
    /// is dear, one in so many as `thrift` says is enough.
    public init(space: Space, roles: Int, foyer: Foyer? = nil, meeting: MeetingPlace? = nil, thrift: Int = 1) {
        self.thrift = thrift
        self.space = space
        self.foyer = foyer
        self.roles = roles
        self.meeting = meeting ?? MeetingPlace(space)
    }

    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// How often to do what is done often only because it might go wrong seldom; the same for all roles.
    func many(_ count: Int) -> Int { thrift == 1 ? count : max(count / thrift, min(count, 10)) }

    /// Long enough for a loaded machine; whoever waits so long has lost something.
    static let patience = Duration.seconds(20)

    func leave(_ right: consuming SendRight, as name: String) throws {
        if let foyer { try foyer.leave(right, as: name) } else { try meeting.leave(right, as: name) }
    }

    func fetch(_ name: String) throws -> SendRight {
        if let foyer { return try foyer.fetch(name, timeout: Self.patience) }
        return try meeting.fetch(name, timeout: Self.patience)
    }

    /// All roles of the story are here.
    func meet(_ name: String) throws {
        if let foyer { return try foyer.meet(name, of: roles, timeout: Self.patience) }
        try meeting.meet(name, of: roles, timeout: Self.patience)
    }

    /// A port of this task, with a send right to it left under each of these names.
    func open(_ names: String..., queueLimit: Int = 64) throws -> ReceiveRight {
        let port = try space.makePort(queueLimit: queueLimit)
        for name in names { try leave(try port.makeSendRight(), as: name) }
        return port
    }

    func check(_ condition: Bool, _ words: @autoclosure () -> String, line: Int = #line, file: String = #fileID) throws {
        guard condition else { throw Failure(description: "\(file):\(line): \(words())") }
    }

    func equal<Value: Equatable>(_ left: Value, _ right: Value, line: Int = #line, file: String = #fileID) throws {
        guard left == right else { throw Failure(description: "\(file):\(line): \(left) is not \(right)") }
    }

    /// The body must throw just this.
    func expect(_ error: MasixError, line: Int = #line, file: String = #fileID, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let thrown as MasixError {
            guard thrown == error else { throw Failure(description: "\(file):\(line): \(thrown) instead of \(error)") }
            return
        }
        throw Failure(description: "\(file):\(line): no error instead of \(error)")
    }

    /// Nothing comes any more.
    func silence(_ port: borrowing ReceiveRight, line: Int = #line, file: String = #fileID) throws {
        do {
            let message = try port.receive(timeout: .milliseconds(20))
            throw Failure(description: "\(file):\(line): a message too many: \(message.code) \(message.text ?? "")")
        } catch MasixError.timedOut {
            return
        }
    }

    /// Waits for what the kernel does in its own time, such as counting a right that has been let go.
    func eventually(line: Int = #line, file: String = #fileID, _ condition: () throws -> Bool) throws {
        let deadline = Clock.monotonicNanoseconds() + 10_000_000_000
        while try !condition() {
            guard Clock.monotonicNanoseconds() < deadline else { throw Failure(description: "\(file):\(line): not so in 10 s") }
            pause(milliseconds: 1)
        }
    }

    func pause(milliseconds: UInt64) {
        let end = Clock.monotonicNanoseconds() + milliseconds * 1_000_000
        let word = FutexWord()
        while case let now = Clock.monotonicNanoseconds(), now < end { _ = try? word.wait(while: 0, timeoutNanoseconds: end - now) }
    }

    /// How long the body takes, in milliseconds.
    func milliseconds(_ body: () throws -> Void) rethrows -> Double {
        let start = Clock.monotonicNanoseconds()
        try body()
        return Double(Clock.monotonicNanoseconds() - start) / 1_000_000
    }

    /// Runs `async` code to its end.
    func waiting(_ body: @escaping @Sendable () async throws -> Void) throws {
        let (outcome, done) = (Outcome(), FutexWord())
        // Where threads are scheduled by a simulation, this one does all that Swift's would do.
        let loop = ScheduledThread.current == nil ? nil : JobLoop(until: done)
        Task(executorPreference: loop) {
            do {
                try await body()
            } catch {
                outcome.error.withLock { $0 = error }
            }
            done.set(1)
            done.wake(count: .max)
        }
        try loop?.run()
        while done.value == 0 { _ = try done.wait(while: 0, timeoutNanoseconds: nil) }
        if let error = outcome.error.withLock({ $0 }) { throw error }
    }

    private final class Outcome: Sendable { let error = Mutex<(any Error)?>(nil) }
}

/// Carries a move-only right into a closure.
final class Boxed<Right: ~Copyable & Sendable>: Sendable {
    private let right: Mutex<Right?>
    init(_ right: consuming Right) { self.right = Mutex(right) }
    func take() -> Right? { right.withLock { $0.take() } }
}
