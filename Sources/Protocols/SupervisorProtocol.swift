public import Masix
public import MasixWire

// What is said to the supervisor's port, registered as `supervisor`. Integers little-endian, texts and lists counted (32 bits).
//
//   call      code 0x7265_7573  payload  tag UInt8, then the fields of the case in their order
//   answer    code 0x7265_7573  payload  tag UInt8, then the fields of the case; if it is over 64 KiB: no bytes, but memory object [0]

/// What a supervisor is asked. Everybody may ask for `status`, `list` and `names`; the tables and ends of tasks are for who may see them, here
/// or on another node (Documentation/Decisions/0022); the rest is for root and the node's own user, on the node itself.
public enum SupervisorRequest: Hashable, Sendable, WireCodable {
    public static let code: UInt32 = 0x7265_7573
    /// The name that the port is registered under.
    public static let name = "supervisor"

    /// 1
    case status
    /// 2
    case list
    /// 3: start this server, and keep it running.
    case add(ServerSpecification)
    /// 4: stop it and forget it.
    case remove(String)
    /// 5: end it, and start it again.
    case restart(String)
    /// 6: read the node's configuration file again.
    case reload
    /// 7: end the node, in order. Answered before it happens.
    case stop
    /// 8: a page of a table of the nucleus: a `Query` of tasks, ports or links, as the nucleus itself is asked.
    case table([UInt8])
    /// 9: the names that come after this one, in order; "" for the first.
    case names(after: String)
    /// 10: answered when the process of this task has ended.
    case wait(TaskID)
    /// 11: send this signal to the process of this task.
    case signal(TaskID, Int32)

    static let queryBytesMax = 64

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .status: writer.write(UInt8(1))
        case .list: writer.write(UInt8(2))
        case .add(let server):
            writer.write(UInt8(3))
            writer.write(server)
        case .remove(let name):
            writer.write(UInt8(4))
            writer.write(name)
        case .restart(let name):
            writer.write(UInt8(5))
            writer.write(name)
        case .reload: writer.write(UInt8(6))
        case .stop: writer.write(UInt8(7))
        case .table(let query):
            writer.write(UInt8(8))
            writer.write(counted: query)
        case .names(let last):
            writer.write(UInt8(9))
            writer.write(last)
        case .wait(let task):
            writer.write(UInt8(10))
            writer.write(task)
        case .signal(let task, let number):
            writer.write(UInt8(11))
            writer.write(task)
            writer.write(number)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .status
        case 2: self = .list
        case 3: self = .add(try reader.read())
        case 4: self = .remove(try reader.readServerName())
        case 5: self = .restart(try reader.readServerName())
        case 6: self = .reload
        case 7: self = .stop
        case 8: self = .table(try reader.readBytes(limit: Self.queryBytesMax, field: "query"))
        case 9: self = .names(after: try reader.readText(limit: NameRequest.nameBytesMax, field: "name"))
        case 10: self = .wait(try reader.read())
        case 11: self = .signal(try reader.read(), try reader.read())
        case let tag: throw .unknownCase(of: "SupervisorRequest", tag: UInt64(tag))
        }
    }
}

/// What a supervisor answers.
public enum SupervisorAnswer: Hashable, Sendable, WireCodable {
    /// 1
    case done
    /// 2
    case status(NodeStatus)
    /// 3
    case servers([ServerEntry])
    /// 4: it will not, and says why.
    case refused(String)
    /// 5: an `Answer` as the nucleus gives it; without rows that the asker may not see, and empty only at the end of the table.
    case table([UInt8])
    /// 6
    case names([NameRecord], more: Bool)
    /// 7: how a task ended.
    case ended(TaskEnd)

    public static let bytesMax = 16 << 20

    public func encode(into writer: inout WireWriter) {
        switch self {
        case .done: writer.write(UInt8(1))
        case .status(let status):
            writer.write(UInt8(2))
            writer.write(status)
        case .servers(let servers):
            writer.write(UInt8(3))
            writer.write(list: servers)
        case .refused(let words):
            writer.write(UInt8(4))
            writer.write(words)
        case .table(let answer):
            writer.write(UInt8(5))
            writer.write(counted: answer)
        case .names(let names, let more):
            writer.write(UInt8(6))
            writer.write(list: names)
            writer.write(more)
        case .ended(let end):
            writer.write(UInt8(7))
            writer.write(end)
        }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .done
        case 2: self = .status(try reader.read())
        case 3: self = .servers(try reader.readList(limit: ServerSpecification.serversMax, field: "servers"))
        case 4: self = .refused(try reader.readText(limit: 65_536, field: "words"))
        case 5: self = .table(try reader.readBytes(limit: Self.bytesMax, field: "answer"))
        case 6: self = .names(try reader.readList(limit: NameAnswer.namesPerAnswerMax, field: "names"), more: try reader.readBool())
        case 7: self = .ended(try reader.read())
        case let tag: throw .unknownCase(of: "SupervisorAnswer", tag: UInt64(tag))
        }
    }
}

/// How a task ended. Layout: words; exit code, optional Int32.
public struct TaskEnd: Hashable, Sendable, WireCodable {
    /// For people.
    public let words: String
    /// That of its process, or 128+n if signal n ended it; nil for a process that the supervisor has not started, of which Linux tells
    /// nobody but its parent.
    public let code: Int32?

    public init(words: String, code: Int32?) {
        self.words = words
        self.code = code
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(words)
        writer.write(code != nil)
        if let code { writer.write(code) }
    }

    public init(from reader: inout WireReader) throws(WireError) {
        words = try reader.readText(limit: 1024, field: "words")
        code = try reader.readBool() ? try reader.read() : nil
    }
}

/// A server that a supervisor starts and keeps running.
///
/// Layout: name; command, a list of texts; environment, a list of texts; uid and gid, optional UInt32; policy UInt8.
public struct ServerSpecification: Hashable, Sendable, WireCodable, Codable {
    public enum Restart: String, Hashable, Sendable, CaseIterable, Codable {
        /// Whenever it has ended.
        case always
        /// When it has ended with an error or by a signal.
        case onFailure
        /// Not at all: it runs once.
        case never
    }

    /// Servers of one node.
    public static let serversMax = 256
    public static let commandWordsMax = 256
    /// Bytes of the command, and of the environment.
    public static let textBytesMax = 32_768

    /// Names it for people, and for `remove`: like any name (`NameRequest.isName`).
    public var name: String
    /// An absolute path, and its arguments.
    public var command: [String]
    /// `NAME=value` each, beside PATH, LANG, MASIX_NODE and MASIX_SOCKET.
    public var environment: [String]
    /// The user it runs as; nil leaves the choice to the supervisor: one of its own for each server if it is root, else its own user.
    public var uid: UInt32?
    /// nil: the number of the user.
    public var gid: UInt32?
    public var restart: Restart

    public init(
        name: String, command: [String], environment: [String] = [], uid: UInt32? = nil, gid: UInt32? = nil, restart: Restart = .always
    ) {
        self.name = name
        self.command = command
        self.environment = environment
        self.uid = uid
        self.gid = gid
        self.restart = restart
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(name)
        writer.write(texts: command)
        writer.write(texts: environment)
        writer.write(uid != nil)
        if let uid { writer.write(uid) }
        writer.write(gid != nil)
        if let gid { writer.write(gid) }
        writer.write(UInt8(Restart.allCases.firstIndex(of: restart) ?? 0))
    }

    public init(from reader: inout WireReader) throws(WireError) {
        name = try reader.readServerName()
        command = try reader.readTexts(field: "command")
        environment = try reader.readTexts(field: "environment")
        uid = try reader.readBool() ? try reader.read() : nil
        gid = try reader.readBool() ? try reader.read() : nil
        let policy = Int(try reader.read(UInt8.self))
        guard Restart.allCases.indices.contains(policy) else { throw .malformed(field: "restart policy") }
        restart = Restart.allCases[policy]
    }

    /// What is wrong with it, in words; nil if it can be started.
    public var complaint: String? {
        if !NameRequest.isName(name) { return "'\(name)' is no name for a server" }
        guard let program = command.first, program.hasPrefix("/") else { return "the command of \(name) must start with an absolute path" }
        if command.count > Self.commandWordsMax || environment.count > Self.commandWordsMax { return "\(name) has too many words" }
        if (command + environment).contains(where: { $0.utf8.contains(0) }) { return "a word of \(name) has a zero byte in it" }
        if (command + environment).reduce(0, { $0 + $1.utf8.count }) > Self.textBytesMax { return "the words of \(name) are too long" }
        if let odd = environment.first(where: { !$0.contains("=") || $0.hasPrefix("=") }) { return "'\(odd)' is no NAME=value" }
        return nil
    }

    private enum CodingKeys: String, CodingKey { case name, command, environment, uid, gid, restart }

    /// From a configuration file, where only `name` and `command` are needed.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        name = try values.decode(String.self, forKey: .name)
        command = try values.decode([String].self, forKey: .command)
        environment = try values.decodeIfPresent([String].self, forKey: .environment) ?? []
        uid = try values.decodeIfPresent(UInt32.self, forKey: .uid)
        gid = try values.decodeIfPresent(UInt32.self, forKey: .gid)
        restart = try values.decodeIfPresent(Restart.self, forKey: .restart) ?? .always
    }
}

/// A server and how it is. Layout: specification, then status, then whether it is from the file.
public struct ServerEntry: Hashable, Sendable, WireCodable {
    public let specification: ServerSpecification
    public let status: RoleStatus
    /// From the node's configuration file; else added at run time, and gone with the node.
    public let isFromFile: Bool

    public init(specification: ServerSpecification, status: RoleStatus, isFromFile: Bool) {
        self.specification = specification
        self.status = status
        self.isFromFile = isFromFile
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(specification)
        writer.write(status)
        writer.write(isFromFile)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        specification = try reader.read()
        status = try reader.read()
        isFromFile = try reader.readBool()
    }
}

/// How one process of the node is. Layout: name; state UInt8; pid Int32; uid UInt32; restarts UInt32; milliseconds UInt64; last end.
public struct RoleStatus: Hashable, Sendable, WireCodable {
    public enum State: UInt8, Hashable, Sendable, CaseIterable {
        case running = 1
        /// Has ended, and will be started again.
        case waiting = 2
        /// Is being ended.
        case stopping = 3
        /// Has ended, and stays so.
        case ended = 4
    }

    public let name: String
    public let state: State
    /// 0 when it does not run.
    public let pid: Int32
    public let uid: UInt32
    /// How often it has been started again.
    public let restarts: UInt32
    /// How long it has been in this state.
    public let milliseconds: UInt64
    /// How it ended last, in words; "" if it never has.
    public let lastEnd: String

    public init(name: String, state: State, pid: Int32, uid: UInt32, restarts: UInt32, milliseconds: UInt64, lastEnd: String) {
        self.name = name
        self.state = state
        self.pid = pid
        self.uid = uid
        self.restarts = restarts
        self.milliseconds = milliseconds
        self.lastEnd = lastEnd
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(name)
        writer.write(state.rawValue)
        writer.write(pid)
        writer.write(uid)
        writer.write(restarts)
        writer.write(milliseconds)
        writer.write(lastEnd)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        name = try reader.readServerName()
        let tag = try reader.read(UInt8.self)
        guard let state = State(rawValue: tag) else { throw .unknownCase(of: "RoleStatus", tag: UInt64(tag)) }
        self.state = state
        pid = try reader.read()
        uid = try reader.read()
        restarts = try reader.read()
        milliseconds = try reader.read()
        lastEnd = try reader.readText(limit: 1024, field: "last end")
    }
}

/// How a node is. Layout: number and incarnation UInt32; directory; version; protocol UInt16; milliseconds UInt64; roles; weaknesses.
public struct NodeStatus: Hashable, Sendable, WireCodable {
    public let number: UInt32
    public let incarnation: UInt32
    public let directory: String
    /// Of the programs.
    public let version: String
    /// Of what is spoken with the nucleus.
    public let protocolVersion: UInt16
    /// Since the node's start.
    public let milliseconds: UInt64
    /// The supervisor, the nucleus, the name server, then the servers.
    public let roles: [RoleStatus]
    /// Promises that do not hold here, a sentence each.
    public let weaknesses: [String]

    public init(
        number: UInt32, incarnation: UInt32, directory: String, version: String, protocolVersion: UInt16, milliseconds: UInt64,
        roles: [RoleStatus], weaknesses: [String]
    ) {
        self.number = number
        self.incarnation = incarnation
        self.directory = directory
        self.version = version
        self.protocolVersion = protocolVersion
        self.milliseconds = milliseconds
        self.roles = roles
        self.weaknesses = weaknesses
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(number)
        writer.write(incarnation)
        writer.write(directory)
        writer.write(version)
        writer.write(protocolVersion)
        writer.write(milliseconds)
        writer.write(list: roles)
        writer.write(texts: weaknesses)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        number = try reader.read()
        incarnation = try reader.read()
        directory = try reader.readText(limit: 4096, field: "directory")
        version = try reader.readText(limit: 256, field: "version")
        protocolVersion = try reader.read()
        milliseconds = try reader.read()
        roles = try reader.readList(limit: ServerSpecification.serversMax + 16, field: "roles")
        weaknesses = try reader.readTexts(field: "weaknesses")
    }
}

extension WireWriter {
    fileprivate mutating func write(texts: [String]) {
        write(UInt32(texts.count))
        for text in texts { write(text) }
    }
}

extension WireReader {
    fileprivate mutating func readServerName() throws(WireError) -> String {
        try readText(limit: NameRequest.nameBytesMax, field: "server name")
    }

    fileprivate mutating func readTexts(field: StaticName) throws(WireError) -> [String] {
        let count = try readCount(limit: ServerSpecification.commandWordsMax, field: field)
        var texts: [String] = []
        for _ in 0..<count { texts.append(try readText(limit: ServerSpecification.textBytesMax, field: field)) }
        return texts
    }
}
