public import Logging

/// What a node is started with.
public struct SupervisorConfiguration: Sendable {
    public var directory: String
    /// Where what outlives the machine's restart is kept; nil: in the same directory.
    public var state: String?
    /// nil: the one it had before, or 1.
    public var number: UInt32?
    /// The path of `masixd`, which is every role.
    public var executable: String
    public var logLevel = Logger.Level.info
    /// Where the numbers of users without names begin.
    public var userBase = NodeUsers.baseDefault
    /// Whom to tell when the node serves.
    public var readiness = Readiness()
    /// `NAME=value` each, for the node's own roles.
    public var environment: [String] = []
    /// For the nucleus's command line.
    public var nucleusArguments: [String] = []

    public init(directory: String, executable: String) {
        self.directory = directory
        self.executable = executable
    }

    var environmentByName: [String: String] {
        var values: [String: String] = [:]
        for entry in environment {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { values[String(parts[0])] = String(parts[1]) }
        }
        return values
    }
}
