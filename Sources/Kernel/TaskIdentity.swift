public import MasixWire

/// Who a task is, as the operating system says it; never as the task says it.
public struct TaskIdentity: Hashable, Sendable, WireCodable {
    /// Effective user and group when the task attached.
    public let uid: UInt32
    public let gid: UInt32
    /// The process, good only together with the descriptor that the shell holds for it; 0 in a simulation.
    public let pid: Int32
    /// The path of the running program, or "" if it could not be learnt.
    public let executable: String
    /// A name for people: what the supervisor called the task, else the command's name.
    public let name: String
    /// Started by the supervisor, and so kept apart from processes of the same user (architecture, "What is trusted").
    public let launched: Bool

    public init(uid: UInt32, gid: UInt32, pid: Int32, executable: String, name: String, launched: Bool) {
        self.uid = uid
        self.gid = gid
        self.pid = pid
        self.executable = executable
        self.name = name
        self.launched = launched
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(uid)
        writer.write(gid)
        writer.write(pid)
        writer.write(executable)
        writer.write(name)
        writer.write(launched)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        uid = try reader.read()
        gid = try reader.read()
        pid = try reader.read()
        executable = try reader.readText(limit: Limits.identityTextMax, field: "executable")
        name = try reader.readText(limit: Limits.identityTextMax, field: "name")
        launched = try reader.readBool()
    }
}
