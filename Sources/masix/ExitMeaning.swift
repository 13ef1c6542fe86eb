import ArgumentParser

/// What `masix` says by its exit code. The numbers are those of sysexits.h where it has one.
enum ExitMeaning: Int32, CaseIterable {
    case done = 0
    case no = 1
    case usage = 64
    case malformed = 65
    case notFound = 66
    case noNode = 69
    case internalFault = 70
    case died = 71
    case cannotCreate = 73
    case inputOutput = 74
    case timedOut = 75
    case notPermitted = 77
    case ownFailure = 125
    case cannotExecute = 126
    case noProgram = 127

    var name: String {
        switch self {
        case .done: "done"
        case .no: "no"
        case .usage: "usage"
        case .malformed: "malformed"
        case .notFound: "not-found"
        case .noNode: "no-node"
        case .internalFault: "internal"
        case .died: "died"
        case .cannotCreate: "cannot-create"
        case .inputOutput: "input-output"
        case .timedOut: "timed-out"
        case .notPermitted: "not-permitted"
        case .ownFailure: "own-failure"
        case .cannotExecute: "cannot-execute"
        case .noProgram: "no-program"
        }
    }

    var meaning: String {
        switch self {
        case .done: "what was asked for was done"
        case .no: "the answer is no: doctor found a promise that does not hold, a comparison found a difference, a node does not run"
        case .usage: "the command line is not understood"
        case .malformed: "somebody said something that is not his protocol, or an argument has no meaning"
        case .notFound: "there is no such name, file, task or error"
        case .noNode: "no node answers, or it has stopped"
        case .internalFault: "something failed that should not fail: please report it"
        case .died: "the partner died or gave up without an answer"
        case .cannotCreate: "there is something in the way, or no room or quota is left"
        case .inputOutput: "reading or writing failed"
        case .timedOut: "the time was over"
        case .notPermitted: "this user may not do it"
        case .ownFailure: "connect, serve: masix itself failed, not the program at the other end"
        case .cannotExecute: "connect, serve: the program was found and could not be started"
        case .noProgram: "connect, serve: there is no such program"
        }
    }

    var code: ExitCode { ExitCode(rawValue) }
}

/// An end of a command that is not success: what to print, and the exit code.
struct Complaint: Error {
    let words: String
    let exit: ExitMeaning

    init(_ words: String, _ exit: ExitMeaning) {
        self.words = words
        self.exit = exit
    }
}
