import ArgumentParser
import Masix
import MasixLinux
import MasixProtocols
import MasixTransport
import SystemPackage

/// `masix doctor`
struct DoctorCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what this machine offers, and which promises hold on it; or why two nodes do not talk.",
        discussion: """
            The exit code is 0 if nothing is missing that a node needs to start, and 1 otherwise. Needs no node; if one runs, it is looked at \
            too.

            With PEER, a node of the roster, it says why this node and that one do not talk, and what to do. Whoever may read the node's key \
            has it call the other node; everybody else learns what the running network server knows.
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var state: StateOption
    @OptionGroup var json: JSONOption
    @Argument(help: "Another node, by its name in the roster.")
    var peer: String?

    /// Something that holds here or does not, and what follows.
    struct Finding {
        enum Weight: String { case good, weaker, bad }

        let weight: Weight
        let what: String
        let consequence: String
    }

    func perform() throws {
        let features = Features.detect(environment: CurrentProcess.environmentTable)
        let findings =
            try peer.map { try PeerExamination(name: $0, node: node, state: NetworkState(state.path(node))).findings() }
            ?? Self.linux(features) + Self.limits() + promises(features) + health()
        let isUsable = !findings.contains { $0.weight == .bad }
        if json.isOn {
            try Output.line(
                JSON.object([
                    ("kernel", JSON(features.kernelRelease)), ("uid", JSON(CurrentProcess.uid)), ("usable", JSON(isUsable)),
                    (
                        "findings",
                        JSON(
                            findings.map {
                                ["weight": JSON($0.weight.rawValue), "what": JSON($0.what), "consequence": JSON($0.consequence)]
                            })
                    ),
                ]).text)
        } else {
            try Output.line("Linux \(features.kernelRelease), user \(CurrentProcess.uid)\(CurrentProcess.uid == 0 ? " (root)" : "")")
            for finding in findings {
                let mark =
                    switch finding.weight {
                    case .good: "ok    "
                    case .weaker: "weaker"
                    case .bad: "BAD   "
                    }
                try Output.line("\(mark)  \(finding.what)\(finding.consequence.isEmpty ? "" : ": \(finding.consequence)")")
            }
            for name in features.unknownNames { Output.remark("masix: MASIX_WITHOUT names '\(name)', which is no feature") }
        }
        guard isUsable else { throw ExitMeaning.no.code }
    }

    private static func linux(_ features: Features) -> [Finding] {
        Feature.allCases.map { feature in
            if features.contains(feature) { return Finding(weight: .good, what: "feature \(feature.rawValue)", consequence: "") }
            return Finding(
                weight: feature == .processDescriptor ? .bad : .weaker,
                what: "feature \(feature.rawValue) is \(features.isForcedAbsent(feature) ? "switched off by MASIX_WITHOUT" : "missing")",
                consequence: feature.loss)
        }
    }

    private static func limits() -> [Finding] {
        var findings: [Finding] = []
        do throws(Errno) {
            let limits = try LimitsOfProcess.current()
            let isLow = limits.descriptorsMax < 65_536
            findings.append(
                Finding(
                    weight: limits.descriptorsMax < 1024 ? .bad : isLow ? .weaker : .good,
                    what: "descriptors: \(limits.descriptors), at most \(limits.descriptorsMax)",
                    consequence: isLow ? "a node holds some for each task and link: it takes fewer than it could (raise `ulimit -Hn`)" : "")
            )
            let processors = try Processor.allowed().count
            findings.append(
                Finding(
                    weight: processors > 1 ? .good : .weaker, what: "processors: \(processors)",
                    consequence: processors > 1 ? "" : "nobody spins: every call costs two switches"))
        } catch {
            findings.append(Finding(weight: .weaker, what: "limits", consequence: "\(error)"))
        }
        do throws(Errno) {
            let memory = try File.open("/dev/shm", .directory)
            let system = try FileSystem.of(memory.raw)
            findings.append(
                Finding(
                    weight: .good, what: "memory files: \(Figure.bytes(Int(clamping: system.freeBytes))) free in /dev/shm", consequence: "")
            )
        } catch {
            findings.append(Finding(weight: .good, what: "/dev/shm is not mounted", consequence: "a node does not need it"))
        }
        if !Program.isThere("/proc/self/fd") {
            findings.append(
                Finding(weight: .bad, what: "/proc is not mounted", consequence: "bells of tasks cannot be made: nodes do not start"))
        }
        return findings
    }

    private func promises(_ features: Features) -> [Finding] {
        let isRoot = CurrentProcess.uid == 0
        return [
            Finding(
                weight: isRoot ? .good : .weaker,
                what: isRoot ? "a node started now runs each role as a user of its own" : "a node started now runs all roles as this user",
                consequence: isRoot
                    ? "no role can read or disturb another, and none is root"
                    : "whatever runs as user \(CurrentProcess.uid) can end the nucleus, or read its memory if it is not kept from it"),
            Finding(
                weight: features.peerProcessDescriptor ? .good : .weaker, what: "a task's identity is certain",
                consequence: features.peerProcessDescriptor
                    ? "" : "almost: a process number that is used again at that moment could deceive"),
            Finding(
                weight: features.futureWriteSeal ? .good : .weaker,
                what: features.futureWriteSeal
                    ? "tasks of different users cannot write into each other's half of a link" : "there are no links",
                consequence: features.futureWriteSeal ? "" : "every message passes the nucleus: right, and slower"),
            Finding(
                weight: .weaker, what: "tasks of one user are kept apart only if the supervisor started them",
                consequence: "any other process of that user may trace them: that is Linux's rule, not ours"),
        ]
    }

    /// The node, if one runs.
    private func health() -> [Finding] {
        let space: Space
        do throws(MasixError) { space = try node.attach() } catch {
            return [Finding(weight: .good, what: "no node runs at \(node.path)", consequence: "`masix node run` starts one")]
        }
        var findings = [Finding(weight: .good, what: "node \(space.node) answers at \(node.path)", consequence: "")]
        do {
            let status = try SupervisorClient(space).status()
            findings += status.weaknesses.map { Finding(weight: .weaker, what: "this node", consequence: $0) }
            findings += status.roles.filter { $0.state != .running }.map {
                Finding(weight: .weaker, what: "\($0.name) does not run", consequence: "\($0.state); \($0.lastEnd)")
            }
        } catch {
            findings.append(Finding(weight: .weaker, what: "its supervisor does not answer", consequence: Complaint(any: error).words))
        }
        guard let counters = try? NodeTables(space: space).counters() else { return findings }
        for entry in counters.entries where entry.value > 0 && entry.name.hasPrefix("link faults") {
            findings.append(
                Finding(
                    weight: .weaker, what: "\(entry.name): \(entry.value)",
                    consequence: "a task wrote nonsense into a link, which was closed"))
        }
        return findings
    }
}

extension Program {
    static func isThere(_ path: String) -> Bool { (try? File.status(path)) != nil }
}
