public import MasixKernel
public import MasixWire

// What is said to the name server's port, which every task has a right to from the start (`Space.bootstrap`). All integers
// little-endian, texts counted (32 bits), UTF-8.
//
//   call      code 0x656D_616E  payload  tag UInt8, then the fields of the case in their order
//                               rights   [0] the send right, for `register`
//   answer    code 0x656D_616E  payload  tag UInt8, then the fields of the case
//                               rights   [0] the send right, for `found`

/// What a name server is asked.
public enum NameRequest: Hashable, Sendable, WireCodable {
    /// The code of every message of this protocol.
    public static let code: UInt32 = 0x656D_616E
    /// Bytes of a name.
    public static let nameBytesMax = 255
    /// A waiting look-up is answered at the latest after so many milliseconds, with `notYet`; whoever still wants it asks again.
    public static let waitMillisecondsMax: UInt32 = 60_000

    /// 1: the right in the message is to be found under this name.
    case register(String, replace: Bool)
    /// 2: the right of this name. If there is none: wait for it so many milliseconds, 0 for not at all.
    case lookUp(String, waitMilliseconds: UInt32)
    /// 3: the name is to be free again.
    case remove(String)
    /// 4: the names that come after this one, in order; "" for the first.
    case list(after: String)
    /// 5: the same as `lookUp` for the names of this node alone: what another node's network server asks by ours (figure 2, step 4).
    case lookUpHere(String, waitMilliseconds: UInt32)
    /// 6: the right in the message is the network server's port for `ResolverQuestion`. For the network server alone.
    case connectNodes
    /// 7: whether the name is still this port's: `done`, or `notYet` if it is to be looked up. Bare, so that it can go by a link.
    case confirm(String, PortID)
    /// 8: the names of this task, the first of them; for everybody, as `list` is.
    case namesOf(TaskID)
    /// 9: the right in the message is to be found under this name, which another node has announced. For the network server alone; not
    /// answered.
    case learn(String)
    /// 10: these names, which other nodes have, are not this port's any more. For the network server alone; not answered.
    case unlearn([String], PortID)

    /// Names that `unlearn` may bring.
    public static let unlearnMax = 2

    /// Writes the layout that stands above.
    public func encode(into writer: inout WireWriter) {
        switch self {
        case .register(let name, let replace):
            writer.write(UInt8(1))
            writer.write(name)
            writer.write(replace)
        case .lookUp(let name, let wait):
            writer.write(UInt8(2))
            writer.write(name)
            writer.write(wait)
        case .remove(let name):
            writer.write(UInt8(3))
            writer.write(name)
        case .list(let name):
            writer.write(UInt8(4))
            writer.write(name)
        case .lookUpHere(let name, let wait):
            writer.write(UInt8(5))
            writer.write(name)
            writer.write(wait)
        case .connectNodes: writer.write(UInt8(6))
        case .confirm(let name, let port):
            writer.write(UInt8(7))
            writer.write(name)
            writer.write(port)
        case .namesOf(let task):
            writer.write(UInt8(8))
            writer.write(task)
        case .learn(let name):
            writer.write(UInt8(9))
            writer.write(name)
        case .unlearn(let names, let port):
            writer.write(UInt8(10))
            writer.write(UInt32(names.count))
            for name in names { writer.write(name) }
            writer.write(port)
        }
    }

    /// Reads the layout that stands above; what does not fit it is a `WireError`.
    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .register(try reader.readName(), replace: try reader.readBool())
        case 2: self = .lookUp(try reader.readName(), waitMilliseconds: try reader.read())
        case 3: self = .remove(try reader.readName())
        case 4: self = .list(after: try reader.readName())
        case 5: self = .lookUpHere(try reader.readName(), waitMilliseconds: try reader.read())
        case 6: self = .connectNodes
        case 7: self = .confirm(try reader.readName(), try reader.read())
        case 8: self = .namesOf(try reader.read())
        case 9: self = .learn(try reader.readName())
        case 10:
            var names: [String] = []
            for _ in 0..<(try reader.readCount(limit: Self.unlearnMax, field: "names")) { names.append(try reader.readName()) }
            self = .unlearn(names, try reader.read())
        case let tag: throw .unknownCase(of: "NameRequest", tag: UInt64(tag))
        }
    }

    /// Whether the text can be a name: 1 to 255 of the letters and digits of ASCII and `. _ - / : @ +`.
    public static func isName(_ text: String) -> Bool {
        (1...nameBytesMax).contains(text.utf8.count) && text.utf8.allSatisfy(isNameByte)
    }

    /// Whether a port can be registered under it: a name without `@`, which stands between a name and its node.
    public static func isOwnName(_ text: String) -> Bool { isName(text) && !text.utf8.contains(UInt8(ascii: "@")) }

    /// `NAME@NODE` in its parts: the name as it is registered there, and the node. Nil if the text is not of this form.
    public static func parts(of text: String) -> (name: String, node: String)? {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, isOwnName(String(parts[0])), !parts[1].isEmpty else { return nil }
        return (String(parts[0]), String(parts[1]))
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "-")...UInt8(ascii: ":"),
            UInt8(ascii: "@"), UInt8(ascii: "_"), UInt8(ascii: "+"):
            true
        default: false
        }
    }
}

/// What a name server answers.
public enum NameAnswer: Hashable, Sendable, WireCodable {
    /// 1
    case done
    /// 2: the right is in the message.
    case found
    /// 3: the next names, and whether there are more after them.
    case names([NameRecord], more: Bool)
    /// 4: waited, and it is not there; ask again.
    case notYet
    /// 5: no such name. Some that there are, and how many in all.
    case unknown(known: [String], count: UInt32)
    /// 6: the name is in use.
    case taken(NameOwner)
    /// 7: only the owner of the name, or root, may do this.
    case notOwner(NameOwner)
    /// 8: the text is no name.
    case invalidName
    /// 9: this user has as many names, or waiting look-ups, as one may have.
    case tooMany(limit: UInt32)
    /// 10: the message brought no right that is alive.
    case noRight
    /// 11: not known here, and these nodes gave no answer.
    case silent(nodes: [String])
    /// 12: the roster has no node of this name. Some that it has.
    case noNode(String, known: [String])

    /// Names shown with `unknown`.
    public static let knownMax = 16
    /// Names in one answer to `list`.
    public static let namesPerAnswerMax = 64

    /// Writes the layout that stands above.
    public func encode(into writer: inout WireWriter) {
        switch self {
        case .done: writer.write(UInt8(1))
        case .found: writer.write(UInt8(2))
        case .names(let names, let more):
            writer.write(UInt8(3))
            writer.write(list: names)
            writer.write(more)
        case .notYet: writer.write(UInt8(4))
        case .unknown(let known, let count):
            writer.write(UInt8(5))
            writer.write(UInt32(known.count))
            for name in known { writer.write(name) }
            writer.write(count)
        case .taken(let owner):
            writer.write(UInt8(6))
            writer.write(owner)
        case .notOwner(let owner):
            writer.write(UInt8(7))
            writer.write(owner)
        case .invalidName: writer.write(UInt8(8))
        case .tooMany(let limit):
            writer.write(UInt8(9))
            writer.write(limit)
        case .noRight: writer.write(UInt8(10))
        case .silent(let nodes):
            writer.write(UInt8(11))
            writer.write(UInt32(nodes.count))
            for node in nodes { writer.write(node) }
        case .noNode(let node, let known):
            writer.write(UInt8(12))
            writer.write(node)
            writer.write(UInt32(known.count))
            for node in known { writer.write(node) }
        }
    }

    /// Reads the layout that stands above; what does not fit it is a `WireError`.
    public init(from reader: inout WireReader) throws(WireError) {
        switch try reader.read(UInt8.self) {
        case 1: self = .done
        case 2: self = .found
        case 3: self = .names(try reader.readList(limit: Self.namesPerAnswerMax, field: "names"), more: try reader.readBool())
        case 4: self = .notYet
        case 5:
            let count = try reader.readCount(limit: Self.knownMax, field: "known names")
            var known: [String] = []
            for _ in 0..<count { known.append(try reader.readName()) }
            self = .unknown(known: known, count: try reader.read())
        case 6: self = .taken(try reader.read())
        case 7: self = .notOwner(try reader.read())
        case 8: self = .invalidName
        case 9: self = .tooMany(limit: try reader.read())
        case 10: self = .noRight
        case 11:
            let count = try reader.readCount(limit: ResolverQuestion.nodesMax, field: "nodes")
            var nodes: [String] = []
            for _ in 0..<count { nodes.append(try reader.readName()) }
            self = .silent(nodes: nodes)
        case 12:
            let node = try reader.readName()
            var known: [String] = []
            for _ in 0..<(try reader.readCount(limit: Self.knownMax, field: "known nodes")) { known.append(try reader.readName()) }
            self = .noNode(node, known: known)
        case let tag: throw .unknownCase(of: "NameAnswer", tag: UInt64(tag))
        }
    }
}

extension WireReader {
    mutating func readName() throws(WireError) -> String {
        try readText(limit: NameRequest.nameBytesMax, field: "name")
    }
}

/// A name and whose it is. Layout: name, port, owner.
public struct NameRecord: Hashable, Sendable, WireCodable {
    /// What the port is called.
    public let name: String
    /// For people: knowing it gives nobody anything.
    public let port: PortID
    /// Who registered it.
    public let owner: NameOwner

    /// A record of these parts.
    public init(name: String, port: PortID, owner: NameOwner) {
        self.name = name
        self.port = port
        self.owner = owner
    }

    /// Writes the layout that stands above.
    public func encode(into writer: inout WireWriter) {
        writer.write(name)
        writer.write(port)
        writer.write(owner)
    }

    /// Reads the layout that stands above; what does not fit it is a `WireError`.
    public init(from reader: inout WireReader) throws(WireError) {
        name = try reader.readName()
        port = try reader.read()
        owner = try reader.read()
    }
}

/// Who registered a name, as the kernel told the name server then. Layout: uid UInt32, task UInt64, pid Int32, program.
public struct NameOwner: Hashable, Sendable, WireCodable, CustomStringConvertible {
    /// Bytes of the program's name that are kept.
    public static let programBytesMax = 255

    /// The user whose name it is.
    public let uid: UInt32
    /// The task that registered it.
    public let task: TaskID
    /// The process of that task.
    public let pid: Int32
    /// What the task is called.
    public let program: String

    /// A name that is too long is cut.
    public init(uid: UInt32, task: TaskID, pid: Int32, program: String) {
        self.uid = uid
        self.task = task
        self.pid = pid
        var kept = program
        while kept.utf8.count > Self.programBytesMax { kept.removeLast() }
        self.program = kept
    }

    /// The task's identity, without what a name does not need.
    public init(_ task: TaskID, _ identity: TaskIdentity) {
        self.init(uid: identity.uid, task: task, pid: identity.pid, program: identity.name)
    }

    /// Writes the layout that stands above.
    public func encode(into writer: inout WireWriter) {
        writer.write(uid)
        writer.write(task)
        writer.write(pid)
        writer.write(program)
    }

    /// Reads the layout that stands above; what does not fit it is a `WireError`.
    public init(from reader: inout WireReader) throws(WireError) {
        uid = try reader.read()
        task = try reader.read()
        pid = try reader.read()
        program = try reader.readText(limit: Self.programBytesMax, field: "program")
    }

    /// For people: the program, its process and its user.
    public var description: String { "\(program.isEmpty ? "a program" : program) (pid \(pid), uid \(uid))" }
}
