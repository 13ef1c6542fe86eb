import Masix
import MasixLinux
import MasixTestKit

/// What must be observable of the communication of tasks, whatever carries it: a few roles, each a task of its own.
///
/// The roles run as threads or as processes, meet by `Stage.leave` and `Stage.fetch`, and throw at the first thing that is not as it
/// must be. The same story is played over every carrier.
public struct Story: Sendable, CustomStringConvertible {
    public struct Role: Sendable {
        public let name: String
        public let play: @Sendable (Stage) throws -> Void

        init(_ name: String, _ play: @escaping @Sendable (Stage) throws -> Void) {
            self.name = name
            self.play = play
        }
    }

    public let name: String
    /// So many plain messages are sent, nearly all of which can go by a link; 0 for a story that is about something else.
    public let plainMessages: Int
    /// Why it would be another story, or none, if one task played all roles; nil if it would be the same.
    public let needsTasks: String?
    public let roles: [Role]

    init(_ name: String, plainMessages: Int = 0, needsTasks: String? = nil, _ roles: Role...) {
        self.name = name
        self.plainMessages = plainMessages
        self.needsTasks = needsTasks
        self.roles = roles
    }

    public var description: String { name }

    public static let all: [Story] = order + calls + rights + deaths + limits + waiting + memory

    /// Stories in which a receive right goes to another task, which on another node it does not do yet.
    public static let movingReceiveRights: Set<String> = [
        "a receive right moves with its queue", "rights inside messages die and are released",
    ]

    public static func named(_ name: String) -> Story? { all.first { $0.name == name } }
}
