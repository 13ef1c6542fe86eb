import Masix
import MasixProtocols
import SystemPackage

extension Complaint {
    init(_ error: MasixError) {
        let exit: ExitMeaning
        switch error {
        case .noNode, .versionMismatch, .nodeGone: exit = .noNode
        case .deadName, .portDied, .noReply: exit = .died
        case .timedOut, .cancelled: exit = .timedOut
        case .tooLarge, .tooManyRights, .malformedMessage, .invalidValue: exit = .malformed
        case .noSpace, .resourceShortage, .memory: exit = .cannotCreate
        case .notPermitted, .noRoute, .staysOnNode: exit = .notPermitted
        case .refusedByServer: exit = .no
        case .forked, .invalidRight, .refused: exit = .internalFault
        }
        self.init(error.description, exit)
    }

    init(_ error: NameError) {
        switch error {
        case .unknown(let name, let known, let count):
            var words = "nobody has registered the name '\(name)'"
            let close = Closeness.names(like: name, among: known)
            if !close.isEmpty {
                words += "; did you mean \(close.map { "'\($0)'" }.joined(separator: " or "))?"
            } else if count == 0 {
                words += "; no name is registered on this node"
            } else {
                words += "; `masix names` lists \(count == 1 ? "the one that is" : "the \(count) that are")"
            }
            self.init(words, .notFound)
        case .unanswered, .unknownNode: self.init(error.description, .notFound)
        case .taken, .deadRight, .tooMany: self.init(error.description, .cannotCreate)
        case .notOwner: self.init(error.description, .notPermitted)
        case .invalidName: self.init(error.description, .malformed)
        case .timedOut: self.init(error.description, .timedOut)
        case .noNameServer: self.init(error.description, .noNode)
        case .node(let error): self.init(error)
        }
    }

    init(_ error: FilesError) {
        let exit: ExitMeaning
        switch error {
        case .refused(let failure, _):
            switch failure.reason {
            case .notFound: exit = .notFound
            case .denied, .readOnly, .outsideTree, .notWritable: exit = .notPermitted
            case .exists, .notEmpty, .tooManyOpen, .noSpace: exit = .cannotCreate
            case .notDirectory, .isDirectory, .malformed, .notSupported: exit = .malformed
            case .input: exit = .inputOutput
            }
        case .unreachable(let error, _, _): exit = Complaint(error).exit
        case .malformedAnswer, .unanswered, .unusablePath: exit = .malformed
        case .local(let errno, _):
            switch Errno(rawValue: errno) {
            case .noSuchFileOrDirectory: exit = .notFound
            case .permissionDenied, .notPermitted, .readOnlyFileSystem: exit = .notPermitted
            case .fileExists, .noSpace, .isDirectory, .notDirectory: exit = .cannotCreate
            default: exit = .inputOutput
            }
        case .differs: exit = .no
        case .changed: exit = .inputOutput
        }
        self.init(error.description, exit)
    }

    /// Linux's refusal about a path of this machine.
    init(_ error: Errno, _ place: String) { self.init(FilesError.local(error.rawValue, path: place)) }
}

/// Which names somebody may have meant.
enum Closeness {
    /// The closest, at most three.
    static func names(like name: String, among known: [String]) -> [String] {
        let bound = max(1, min(3, name.utf8.count / 2))
        return known.map { (name: $0, distance: distance($0, name, bound: bound)) }
            .filter { $0.distance <= bound || $0.name.hasPrefix(name) || (name.utf8.count > 2 && name.hasPrefix($0.name)) }
            .sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
            .prefix(3).map(\.name)
    }

    /// How many letters must be changed, added, taken away or swapped with their neighbour; `bound` + 1 for more than `bound`.
    static func distance(_ left: String, _ right: String, bound: Int) -> Int {
        let (left, right) = (Array(left.lowercased().utf8), Array(right.lowercased().utf8))
        guard abs(left.count - right.count) <= bound else { return bound + 1 }
        var rows = [[Int]](repeating: [Int](repeating: 0, count: right.count + 1), count: left.count + 1)
        for row in 0...left.count { rows[row][0] = row }
        for column in 0...right.count { rows[0][column] = column }
        guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
        for row in 1...left.count {
            for column in 1...right.count {
                let change = left[row - 1] == right[column - 1] ? 0 : 1
                var best = min(rows[row - 1][column] + 1, rows[row][column - 1] + 1, rows[row - 1][column - 1] + change)
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    best = min(best, rows[row - 2][column - 2] + 1)
                }
                rows[row][column] = best
            }
        }
        return min(rows[left.count][right.count], bound + 1)
    }
}
