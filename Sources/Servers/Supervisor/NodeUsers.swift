import MasixLinux
import SystemPackage

/// The users that the processes of a node run as.
///
/// A node that root has started keeps its processes apart: each role is a user of its own, by name if the system knows the name, else
/// by number. Any other node is one user's, and so are its processes.
public struct NodeUsers: Hashable, Sendable {
    /// A user of the system, or a number that nobody else uses.
    public struct User: Hashable, Sendable, CustomStringConvertible {
        public let uid: UInt32
        public let gid: UInt32
        /// nil: the system has no name for it.
        public let name: String?

        public init(uid: UInt32, gid: UInt32, name: String?) {
            self.uid = uid
            self.gid = gid
            self.name = name
        }

        public var description: String { name.map { "\($0) (\(uid))" } ?? "\(uid)" }
    }

    public enum Role: String, Hashable, Sendable, CaseIterable {
        case nucleus, names, files, network

        /// The user that an administrator makes for it.
        public var userName: String { "masix-\(rawValue)" }
    }

    /// Where the numbers of users without a name begin, unless told otherwise.
    public static let baseDefault: UInt32 = 60_500
    /// Numbers from the base on that are kept for roles; servers get those after them.
    static let rolesMax: UInt32 = 16

    public let supervisor: User
    /// Empty when everything runs as the supervisor.
    public let roles: [Role: User]
    private let base: UInt32

    /// `passwords` is the text of `/etc/passwd`.
    public init(supervisor uid: UInt32, gid: UInt32, base: UInt32 = Self.baseDefault, passwords: String) {
        let known = Self.users(passwords)
        self.base = base
        supervisor = known.first { $0.uid == uid } ?? User(uid: uid, gid: gid, name: nil)
        guard uid == 0 else {
            roles = [:]
            return
        }
        var roles: [Role: User] = [:]
        for (index, role) in Role.allCases.enumerated() {
            roles[role] =
                known.first { $0.name == role.userName && $0.uid != 0 }
                ?? User(uid: base + UInt32(index), gid: base + UInt32(index), name: nil)
        }
        self.roles = roles
    }

    /// As this process would choose them.
    public static func ofThisProcess(base: UInt32 = Self.baseDefault) -> NodeUsers {
        let passwords: [UInt8]
        do throws(Errno) {
            passwords = try File.contents(of: "/etc/passwd", max: 4 << 20)
        } catch {
            // A system without such a file has no names for users either.
            passwords = []
        }
        return NodeUsers(
            supervisor: CurrentProcess.uid, gid: CurrentProcess.gid, base: base, passwords: String(decoding: passwords, as: UTF8.self))
    }

    /// Whether the processes of the node are kept apart.
    public var areApart: Bool { !roles.isEmpty }

    public subscript(role: Role) -> User { roles[role] ?? supervisor }

    /// A user for a server that does not ask for one: a number that none of the others has.
    func userForServer(besides taken: Set<UInt32>) -> User {
        guard areApart else { return supervisor }
        var uid = base + Self.rolesMax
        while taken.contains(uid) { uid += 1 }
        return User(uid: uid, gid: uid, name: nil)
    }

    /// What does not hold on a node with these users, a sentence each.
    public var weaknesses: [String] {
        if areApart { return [] }
        return [
            "Not started by root: all processes of this node run as user \(supervisor), so each of them, and every other program of that "
                + "user, can trace the others and write their memory. Other users are kept out."
        ]
    }

    private static func users(_ passwords: String) -> [User] {
        passwords.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false)
            guard fields.count >= 4, !fields[0].isEmpty, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) else { return nil }
            return User(uid: uid, gid: gid, name: String(fields[0]))
        }
    }
}
