public import Masix
public import SystemPackage

/// Why a node could not be started, or could not go on.
public enum SupervisorError: Error, Sendable {
    /// A node runs in this directory already.
    case busy(directory: String)
    /// The directory is somebody else's.
    case foreign(path: String, uid: UInt32)
    case file(path: String, Errno)
    /// A file of the node says what it cannot say.
    case unreadable(path: String, why: String)
    /// Linux refused what a node needs.
    case system(doing: String, Errno)
    /// The nucleus did not answer.
    case nucleus(MasixError)
}

extension SupervisorError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .busy(let directory): "a node runs in \(directory) already: `masix node status` shows it, `masix node stop` ends it"
        case .foreign(let path, let uid): "\(path) belongs to user \(uid): choose another directory with --directory"
        case .file(let path, .fileNameTooLong): "\(path) is too long for a socket: choose a shorter directory"
        case .file(let path, let error): "\(path): \(error)"
        case .unreadable(let path, let why): "\(path): \(why)"
        case .system(let doing, let error): "\(doing): \(error)"
        case .nucleus(let error): "the nucleus did not start: \(error)"
        }
    }
}
