import Masix
import MasixKernel
import MasixProtocols

/// An error, by name and number, in words: what it means, what leads to it, what to do.
struct Explanation: Sendable {
    let kind: String
    let name: String
    let number: Int?
    let meaning: String
    let cause: String
    let remedy: String

    /// Everything that can be explained.
    static var all: [Explanation] {
        errors + nameErrors + Refusal.allCases.map(of) + LinkFault.allCases.map(of) + notifications + FileFailure.Reason.allCases.map(of)
            + betweenNodes + ExitMeaning.allCases.map(of)
    }

    /// By name (case, "-" and "_" do not count) or by number.
    static func find(_ word: String) -> [Explanation] {
        if let number = Int(word) { return all.filter { $0.number == number } }
        let wanted = plain(word)
        return all.filter { plain($0.name) == wanted }
    }

    static func plain(_ word: String) -> String { word.lowercased().filter { $0.isLetter || $0.isNumber } }

    // MARK: errors of the library

    /// One of each, so that the switch below speaks of all.
    private static let samples: [MasixError] = [
        .noNode(path: ""), .versionMismatch(node: 0, library: 0), .nodeGone, .forked, .deadName, .portDied, .timedOut, .noReply,
        .tooLarge(bytes: 0), .tooManyRights, .noSpace, .resourceShortage, .invalidRight, .noRoute, .staysOnNode, .notPermitted,
        .malformedMessage, .refusedByServer(""), .memory(errno: 0), .cancelled, .invalidValue, .refused(.malformed),
    ]

    private static var errors: [Explanation] { samples.map(of) }

    static func of(_ error: MasixError) -> Explanation {
        func explain(_ name: String, _ meaning: String, _ cause: String, _ remedy: String) -> Explanation {
            Explanation(kind: "error of the library", name: name, number: nil, meaning: meaning, cause: cause, remedy: remedy)
        }
        switch error {
        case .noNode:
            return explain(
                "noNode", "no node answers at this path", "none runs, or it runs with another directory",
                "start one with `masix node run`, or name its directory with --node or MASIX_NODE")
        case .versionMismatch:
            return explain(
                "versionMismatch", "the node speaks another version of the protocol than this program",
                "one of the two has been upgraded and the other not", "upgrade the older one; a node takes its new version when it restarts"
            )
        case .nodeGone:
            return explain(
                "nodeGone", "the node has stopped, or has ended this task", "`masix node stop`, or this task broke the protocol",
                "see `masix node status` and the node's log, then attach again: all rights are gone")
        case .forked:
            return explain(
                "forked", "this process is a forked copy of the one that holds the rights", "fork without exec",
                "attach in the child, or start programs by exec")
        case .deadName:
            return explain(
                "deadName", "the port behind the right has died", "its receiver ended or destroyed it", "look the name up again, or give up"
            )
        case .portDied:
            return explain(
                "portDied", "the receive right went away while somebody waited on it", "it was destroyed or sent in a message",
                "nothing, if that was meant")
        case .timedOut:
            return explain(
                "timedOut", "the time was over", "the partner is slow or stopped, or its queue is full",
                "a send has not happened and may be repeated; a call may have been carried out: ask before repeating it")
        case .noReply:
            return explain(
                "noReply", "a call ended without an answer", "the partner died, or dropped the reply right",
                "look the name up again; whether the call was carried out is not known")
        case .tooLarge:
            return explain(
                "tooLarge", "more inline bytes than a message may have (\(Limits.inlineBytesMax))", "large contents in the message itself",
                "send them as a memory object")
        case .tooManyRights:
            return explain(
                "tooManyRights",
                "more rights (\(Limits.rightsPerMessageMax)) or memory objects (\(Limits.memoryPerMessageMax)) than a message may carry",
                "too much attached", "send several messages")
        case .noSpace:
            return explain(
                "noSpace", "this task is over its quota of ports or rights", "rights are taken and never given up",
                "let values go that are not needed; `masix ports --task N` shows what is held")
        case .resourceShortage:
            return explain(
                "resourceShortage", "this task has too many messages, bytes or memory objects under way",
                "its partners do not receive what it sends", "wait for answers before sending more; `masix top` shows what is queued")
        case .invalidRight:
            return explain(
                "invalidRight", "the right is not held in that form", "it has been given away already, or it is of another space",
                "keep a copy() of a right that is to be sent and used")
        case .staysOnNode:
            return explain(
                "staysOnNode", "a receive right cannot be sent to another node yet", "the port that it was sent to is one of another node",
                "send a send right, and receive here")
        case .noRoute:
            return explain(
                "noRoute", "a chief stands between this task and the destination and takes no messages for it", "the clan's policy",
                "ask whoever started this task for a right through the chief")
        case .notPermitted:
            return explain(
                "notPermitted", "only another may do this", "what only the node's first task, root, or the owner may do", "ask as that user"
            )
        case .malformedMessage:
            return explain(
                "malformedMessage", "a message is not what the protocol of this port says",
                "the partner is another program or another version than was thought", "look who owns the name: `masix names`")
        case .refusedByServer:
            return explain("refusedByServer", "the server said no, in its own words", "its rules", "read its words")
        case .memory:
            return explain(
                "memory", "memory could not be made, sealed or mapped", "no memory or no descriptors are left; the errno says which",
                "`masix doctor` shows the limits")
        case .cancelled: return explain("cancelled", "the waiting task was cancelled", "the program did that", "nothing")
        case .invalidValue:
            return explain("invalidValue", "a value is outside its range", "a program's mistake", "see the API's documentation")
        case .refused:
            return explain(
                "refused", "the kernel refused for a reason that this call does not know", "library and nucleus disagree",
                "please report it, with the reason that it names")
        }
    }

    private static var nameErrors: [Explanation] {
        func explain(_ name: String, _ meaning: String, _ cause: String, _ remedy: String) -> Explanation {
            Explanation(kind: "error about names", name: name, number: nil, meaning: meaning, cause: cause, remedy: remedy)
        }
        return [
            explain(
                "unknown", "nobody has registered this name", "a slip of the pen, or its server does not run (any more)",
                "`masix names` lists the names; `--wait` waits for one"),
            explain(
                "unanswered", "nobody has registered this name on a node that answers, and some nodes of the roster do not answer",
                "such a node is down, or cannot be reached", "see `masix node status` there and `masix roster list` here"),
            explain("taken", "the name is in use", "another task has registered it", "choose another name, or end that task"),
            explain(
                "notOwner", "the name belongs to another user", "only its owner's user, or root, may replace or remove it",
                "ask as that user"),
            explain(
                "invalidName", "the text can be no name", "a name has 1 to 255 letters, digits and . _ - / : @ +", "choose another name"),
            explain(
                "tooMany", "this user has as many names as one may have", "names that are never freed", "end tasks that are not needed"),
            explain("deadRight", "the port that was to be named has died", "its receiver ended meanwhile", "make a new port"),
            explain(
                "noNameServer", "the node has no name server", "it is being restarted, or the node is going down",
                "see `masix node status`, and try again"),
        ]
    }

    // MARK: what the kernel says

    static func of(_ refusal: Refusal) -> Explanation {
        func explain(_ meaning: String, _ cause: String, _ remedy: String) -> Explanation {
            Explanation(
                kind: "refusal of the kernel", name: "\(refusal)", number: Int(refusal.rawValue), meaning: meaning, cause: cause,
                remedy: remedy)
        }
        switch refusal {
        case .invalidDestination:
            return explain("the destination is no right that this task holds, or its port is dead", "the receiver died", "look it up again")
        case .invalidReply:
            return explain("the reply right cannot be given", "it is not held in that form", "make a fresh one for each call")
        case .invalidRight: return explain("a right in the message is not held in that form", "it was given away before", "send a copy()")
        case .full:
            return explain("the queue is full and the sender does not wait", "the receiver is slow or stopped", "wait, or raise the limit")
        case .invalidName: return explain("the name denotes nothing that this task has", "it was given up", "a program's mistake")
        case .invalidValue: return explain("a value is outside its range", "a program's mistake", "see the API's documentation")
        case .invalidCapability: return explain("the right to be notified by is dead", "its port was destroyed", "make a new port")
        case .noSpace: return explain("over the task's quota of ports or rights", "rights are never given up", "let some go")
        case .resourceShortage: return explain("over the task's quota of what is under way", "nobody receives", "wait for answers")
        case .notPermitted: return explain("only the node's first task may do this", "it is the supervisor's right", "ask the supervisor")
        case .tooLarge: return explain("too many inline bytes", "large contents in a message", "send a memory object")
        case .staysOnNode:
            return explain("a receive right cannot go to another node yet", "the destination is there", "send a send right instead")
        case .noRoute: return explain("no chief on the way takes it", "the clan's policy", "ask for a right through the chief")
        case .linkGone: return explain("the link or reply is no longer there", "the partner ended", "nothing: the library sees to it")
        case .malformed: return explain("the request could not be read", "library and nucleus disagree", "please report it")
        case .invalidMemory:
            return explain(
                "the memory is no sealed memory object of that length", "a program that does not use the library", "use MemoryObject")
        case .nameExists: return explain("the name exists already", "a port id was used twice", "please report it")
        case .notBare:
            return explain("the message carries something", "several ports were received from at once", "nothing: it is received by itself")
        }
    }

    static func of(_ fault: LinkFault) -> Explanation {
        func explain(_ meaning: String) -> Explanation {
            Explanation(
                kind: "link fault", name: "\(fault)", number: Int(fault.rawValue), meaning: meaning,
                cause: "the partner's memory was written by something else than the library: a mistake, or malice",
                remedy: "the link has been closed and nothing was lost by it; `masix doctor` counts the faults, `masix links` shows whose")
        }
        switch fault {
        case .malformedFrame: return explain("a frame's header or length is impossible")
        case .unknownAnnouncement: return explain("an announcement names a lease or a reply that is not on this link")
        case .missingFrames: return explain("the lease word counts frames that no slot carries")
        case .impossibleCount: return explain("the words of a lease contradict each other")
        case .unexpectedReply: return explain("a reply to a call that is not outstanding")
        case .unusableMemory: return explain("the link's memory could not be mapped, or was not what it must be")
        }
    }

    private static var notifications: [Explanation] {
        func explain(_ name: String, _ number: Int, _ meaning: String, _ cause: String) -> Explanation {
            Explanation(
                kind: "notification", name: name, number: number, meaning: meaning, cause: cause,
                remedy: "it is no error: act on it, or do not ask for it")
        }
        return [
            explain("sendPossible", 66, "a port that was full when this task sent has room", "the request was made for it (S8)"),
            explain("portDeleted", 65, "a name with a dead-name request was given up while its port lives", "this task let the right go"),
            explain("portDestroyed", 69, "a receive right comes to its backup instead of dying", "its receiver ended or destroyed it"),
            explain("noSenders", 70, "no send right to the port is left", "the last holder gave its right up, or ended"),
            explain(
                "sendOnce", 71, "a send-once right was destroyed unused", "its holder dropped it, or ended: to a caller this is noReply"),
            explain("deadNameNotification", 72, "the port of a right has died", "its receiver ended or destroyed it"),
        ]
    }

    static func of(_ reason: FileFailure.Reason) -> Explanation {
        let (cause, remedy) =
            switch reason {
            case .notFound: ("the path is not in the tree that is served", "`masix ls NAME:` lists the tree")
            case .denied: ("the file server's user has no permission", "change the file's mode, or serve as another user")
            case .readOnly: ("it was started without --read-write", "start it with --read-write")
            case .outsideTree: ("a symbolic link, or \"..\"", "serve a directory that holds the target too")
            case .notDirectory, .isDirectory: ("a file was asked for where a directory is, or the other way round", "-r copies directories")
            case .exists: ("something is there already", "remove it first, or choose another place")
            case .notEmpty: ("there is something in the directory", "remove that first")
            case .tooManyOpen: ("rights to open files are kept", "let them go, or serve with a higher --open-files")
            case .malformed: ("the client speaks another version of the protocol", "upgrade the older one")
            case .noSpace: ("the disk or quota is full", "make room")
            case .notSupported: ("a device, pipe or socket", "only files, directories and links are served")
            case .notWritable: ("the file was opened to read", "open it to write")
            case .input: ("the disk failed; the errno says how", "see the system's log")
            }
        return Explanation(
            kind: "refusal of the file server", name: "file-\(reason)", number: nil, meaning: FileFailure(reason).description, cause: cause,
            remedy: remedy)
    }

    static func of(_ exit: ExitMeaning) -> Explanation {
        Explanation(
            kind: "exit code", name: "exit-\(exit.name)", number: Int(exit.rawValue), meaning: exit.meaning,
            cause: "said by `masix` on standard error before it ended", remedy: "read that line")
    }
}
