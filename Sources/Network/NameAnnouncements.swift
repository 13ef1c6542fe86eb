/// What all nodes are told though one has asked: the two optimisations of the paper's section 6.1, each for itself.
public struct NameAnnouncements: OptionSet, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Step 6: who answers a look-up tells every node.
    public static let answers = NameAnnouncements(rawValue: 1)
    /// Step 10: a task that sends to another node is made known to every node by its names.
    public static let senders = NameAnnouncements(rawValue: 2)
    public static let both: NameAnnouncements = [.answers, .senders]

    /// As people and files write it; nil if it is none of `words`.
    public init?(words: String) {
        switch words {
        case "none": self = []
        case "answers": self = .answers
        case "senders": self = .senders
        case "both": self = .both
        default: return nil
        }
    }

    public static let words = ["none", "answers", "senders", "both"]

    public var description: String { Self.words[Int(rawValue & 3)] }
}
