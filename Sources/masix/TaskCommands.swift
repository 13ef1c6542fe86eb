import ArgumentParser
import Masix
import MasixKernel
import MasixLinux
import MasixProtocols

/// `masix stop`
struct StopCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Ask a task's process to end, here or on another node.",
        discussion: """
            TASK is a number of `masix ps`, with @NODE behind it for another node: 7@b. The process gets SIGTERM, with --kill SIGKILL. On \
            another node those may whom its shell.permits lets start that program as that user, or have a shell. The tasks of the node \
            itself cannot be stopped, and what the supervisor keeps running comes again.
            """)

    @OptionGroup var node: NodeOptions
    @Flag(name: .customLong("kill"), help: "It is not asked.")
    var kills = false
    @Flag(name: .customLong("wait"), help: "Return when it has ended.")
    var waits = false
    @OptionGroup var timeout: TimeoutOption
    @Argument(help: ArgumentHelp("The task, as 7 or 7@b.", valueName: "task"))
    var place: TaskPlace

    func perform() throws {
        let supervisor = try place.supervisor(try node.attach())
        try TaskOrder.obeyed(place) { () throws(MasixError) in try supervisor.signal(place.task, kills ? Signal.kill : Signal.terminate) }
        guard waits else { return }
        try Output.line("\(place.words) \(try end(supervisor))")
    }

    private func end(_ supervisor: NodeSupervisor) throws(Complaint) -> String {
        do throws(Complaint) {
            return try TaskOrder.obeyed(place) { () throws(MasixError) in
                try supervisor.wait(for: place.task, timeout: timeout.duration)
            }.words
        } catch {
            // It was gone before it could be waited for.
            if error.exit == .notFound { return "has ended" }
            throw error
        }
    }
}

/// `masix wait`
struct WaitCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until a task's process has ended, here or on another node, and say how.",
        discussion: """
            TASK is a number of `masix ps`, with @NODE behind it for another node. How it ended is known of what the node's supervisor has \
            started; of others only that it has. If the node, or the way there, is lost meanwhile, the exit code is 71.
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @OptionGroup var timeout: TimeoutOption
    @Argument(help: ArgumentHelp("The task, as 7 or 7@b.", valueName: "task"))
    var place: TaskPlace

    func perform() throws {
        let supervisor = try place.supervisor(try node.attach())
        let end = try TaskOrder.obeyed(place) { () throws(MasixError) in try supervisor.wait(for: place.task, timeout: timeout.duration) }
        if json.isOn {
            return try Output.line(
                JSON.object([
                    ("task", JSON(place.task.raw)), ("node", JSON(place.node)), ("words", JSON(end.words)),
                    ("code", end.code.map { JSON($0) } ?? .null),
                ]).text)
        }
        try Output.line("\(place.words) \(end.words)")
    }
}

/// Something that a supervisor is to do for a task.
private enum TaskOrder {
    /// Its refusals are the user's errors, and the loss of a node is said as that.
    static func obeyed<Told>(_ place: TaskPlace, _ body: () throws(MasixError) -> Told) throws(Complaint) -> Told {
        do throws(MasixError) { return try body() } catch {
            switch error {
            case .refusedByServer(let words): throw Complaint(words, words.hasPrefix("there is no such task") ? .notFound : .notPermitted)
            case .noReply, .deadName:
                guard let node = place.node else { throw Complaint(error) }
                throw Complaint(
                    "node \(node), or the way to it, has been lost: whether \(place.words) lives is not known; see `masix doctor \(node)`",
                    .died)
            case .timedOut: throw Complaint("\(place.words) has not ended in time", .timedOut)
            default: throw Complaint(error)
            }
        }
    }
}
