/// The defences of the protocol, one by one, so that a test can take one away and show that exactly the attack behind it then succeeds. Only tests of
/// this package can: programs have them all.
struct Defences: OptionSet, Sendable {
    let rawValue: UInt32

    /// A server proves its key when it asks.
    static let proof = Defences(rawValue: 1 << 0)
    /// A grant answers a question that was asked, once.
    static let freshGrant = Defences(rawValue: 1 << 1)
    /// A grant is for whom was asked for.
    static let peerInGrant = Defences(rawValue: 1 << 2)
    /// A server takes what is sealed under its key, and nothing else.
    static let sealedGrant = Defences(rawValue: 1 << 3)
    /// A ticket serves once.
    static let singleUse = Defences(rawValue: 1 << 4)
    /// A ticket expires.
    static let expiry = Defences(rawValue: 1 << 5)
    /// A ticket is for the instance that opens it.
    static let ownName = Defences(rawValue: 1 << 6)
    /// Only servers get servers' interfaces.
    static let interfaces = Defences(rawValue: 1 << 7)
    /// The policy is asked.
    static let policy = Defences(rawValue: 1 << 8)
    /// A node speaks for its own tasks alone.
    static let peerNode = Defences(rawValue: 1 << 9)
    /// An answer between nodes belongs to a question on the same channel, once.
    static let outstanding = Defences(rawValue: 1 << 10)
    /// A name is one instance's as long as it lives.
    static let uniqueName = Defences(rawValue: 1 << 11)
    /// The manifest says who may be called what.
    static let manifest = Defences(rawValue: 1 << 12)
    /// A grant that comes late is not taken.
    static let deadline = Defences(rawValue: 1 << 13)

    static let all = Defences(rawValue: (1 << 14) - 1)
}
