/// Who may open which name and interface, from which node: rules in order, of which the first that fits decides. Between nodes nothing is open unless
/// a rule says so (spec/security.md 6).
public struct Policy: Hashable, Sendable {
    public let rules: [PolicyRule]

    public static let rulesMax = 4_096

    /// Without rules: what `decide` says when none fits.
    public init() { rules = [] }

    init(rules: [PolicyRule]) { self.rules = rules }

    /// What the policy of the server's node says.
    public func decide(_ asker: Asker, opens name: ServerName, _ interface: Interface, on node: NodeName) -> PolicyDecision {
        decide(asker, opens: name, interface, on: node, passed: nil)
    }

    /// The same, with why each rule in front of the one that decides does not.
    public func explain(_ asker: Asker, opens name: ServerName, _ interface: Interface, on node: NodeName) -> PolicyDecision {
        decide(asker, opens: name, interface, on: node, passed: [])
    }

    private func decide(
        _ asker: Asker, opens name: ServerName, _ interface: Interface, on node: NodeName, passed: [PolicyDecision.Passed]?
    ) -> PolicyDecision {
        var passed = passed
        // No rule can give it away: a client has no key to open a session with.
        if interface == .server, asker.server == nil {
            return PolicyDecision(
                isAllowed: false, rule: nil, why: "the server interface is for servers, and the asker is a client", passed: [])
        }
        for rule in rules {
            guard let misfit = rule.misfit(asker, opens: name, interface, on: node) else {
                return PolicyDecision(isAllowed: rule.allows, rule: rule, why: "line \(rule.line) says: \(rule)", passed: passed ?? [])
            }
            passed?.append(PolicyDecision.Passed(line: rule.line, why: misfit))
        }
        let (isAllowed, why) = Self.otherwise(asker, interface, on: node)
        return PolicyDecision(isAllowed: isAllowed, rule: nil, why: why, passed: passed ?? [])
    }

    /// When no rule fits.
    private static func otherwise(_ asker: Asker, _ interface: Interface, on node: NodeName) -> (Bool, String) {
        if asker.node != node { return (false, "no rule fits, and between nodes nothing is open unless a rule says so") }
        if asker.server != nil, !asker.isAttested {
            return (false, "no rule fits, and a server that the supervisor did not launch opens nothing unless a rule says so")
        }
        return (true, "no rule fits, and on one node what is registered is open: the \(interface) interface to \(interface)s and servers")
    }
}

/// What a policy says, and why.
public struct PolicyDecision: Hashable, Sendable {
    /// A rule that did not decide.
    public struct Passed: Hashable, Sendable {
        public let line: Int
        public let why: String
    }

    public let isAllowed: Bool
    /// Nil if none fitted.
    public let rule: PolicyRule?
    public let why: String
    /// In order; empty unless it was asked for.
    public let passed: [Passed]
}
