/// One step of a program: which task calls what. Its number gives the names that it brings (`Model`), so it keeps its meaning when others
/// are left out.
public struct Step: Sendable, Hashable {
    public var id: Int
    public var task: Int
    public var call: Call

    public init(id: Int, task: Int, _ call: Call) {
        self.id = id
        self.task = task
        self.call = call
    }
}

/// The calls of spec/mach.md 1.2 and 1.4, and what happens to tasks.
public enum Call: Sendable, Hashable {
    /// A task comes to be, with no names.
    case begin
    /// A task is killed.
    case kill
    /// A right goes to another task, as if in a message that is received at once.
    case give(Name, UInt32, to: Int)

    case allocate(UInt32, name: Name?)
    case type(Name)
    case references(Name, UInt32)
    case deallocate(Name)
    case modify(Name, UInt32, by: Int32)
    case destroy(Name)
    case rename(Name, Name)
    case insert(Name, Name, UInt32)
    case extract(Name, UInt32)
    case status(Name)
    case setQueueLimit(Name, UInt32)
    case setMakeSendCount(Name, UInt32)
    case setSequence(Name, UInt32)
    case moveMember(Name, Name)
    case insertMember(Name, Name)
    case extractMember(Name, Name)
    case members(Name)
    case peek(Name)
    case construct(options: UInt32, queueLimit: UInt32, context: UInt64)
    case destruct(Name, by: Int32, context: UInt64)
    case context(Name)
    case setContext(Name, UInt64)
    case request(Name, Int32, sync: UInt32, notify: Name, UInt32)

    case send(Parcel, awaitsRoom: Bool)
    /// Waits as long as it takes, on a thread of its own.
    case sendWaiting(Parcel)
    case receive(Name, room: Int, keepsLarge: Bool)
    case receiveWaiting(Name)

    /// It may go on behind its step.
    public var mayWait: Bool {
        switch self {
        case .sendWaiting, .receiveWaiting: true
        default: false
        }
    }

    /// Its name, for tables.
    public var name: String {
        let text = "\(self)"
        return String(text.prefix { $0 != "(" })
    }
}

/// A message as a program hands it over.
public struct Parcel: Sendable, Hashable, CustomStringConvertible {
    public var remote: Name
    public var remoteMove: UInt32
    public var local: Name
    public var localMove: UInt32
    public var id: UInt32
    /// Bits of the header that are set beside those.
    public var extraBits: UInt32
    public var items: [Item]

    public init(
        _ remote: Name, _ remoteMove: UInt32, reply local: Name = 0, _ localMove: UInt32 = 0, id: UInt32, extraBits: UInt32 = 0,
        _ items: [Item] = []
    ) {
        self.remote = remote
        self.remoteMove = remoteMove
        self.local = local
        self.localMove = localMove
        self.id = id
        self.extraBits = extraBits
        self.items = items
    }

    /// As it is made.
    public var description: String {
        let reply = localMove == 0 && local == nullName ? "" : "reply: \(local), \(localMove), "
        let bits = extraBits == 0 ? "" : "extraBits: \(extraBits), "
        return "Parcel(\(remote), \(remoteMove), \(reply)id: \(id), \(bits)\(items))"
    }

    /// It says of itself that it carries rights or memory.
    public var isComplex: Bool { items.contains { $0.isComplex } }
}

/// One item of a body. Plain words come last.
public enum Item: Sendable, Hashable {
    case right(Name, UInt32)
    /// An array of names out of line.
    case rights([Name], UInt32, deallocates: Bool)
    /// Memory out of line: so many bytes of this value.
    case memory(UInt8, count: Int, deallocates: Bool)
    case words([UInt32])
    /// So many words of 0.
    case padding(Int)
    /// Of a type that there is not.
    case unknown
    /// Longer than the message.
    case overrun
    /// Memory that is not there.
    case unreadable
    /// Names that are not there.
    case unreadableNames(UInt32)

    public var isComplex: Bool {
        switch self {
        case .words, .padding: false
        default: true
        }
    }
}

/// What a step came to: the code and the outputs of the call.
public struct Outcome: Sendable, Hashable, CustomStringConvertible {
    public var code: Code
    public var values: [Value]

    public init(_ code: Code, _ values: [Value] = []) {
        self.code = code
        self.values = values
    }

    public var description: String {
        let name = Code.names[code] ?? String(code.rawValue, radix: 16)
        return values.isEmpty ? name : "\(name) \(values.map(\.description).joined(separator: " "))"
    }
}

/// One output.
public enum Value: Sendable, Hashable, CustomStringConvertible {
    case number(UInt64)
    /// A name of the task that called.
    case name(Name)
    /// The name that a task has or had for something, told as a number.
    case told(task: Int, Name)
    /// Names in any order.
    case names([Name])
    case text(String)

    public var description: String {
        switch self {
        case .number(let number): "\(number)"
        case .name(let name): name == deadName ? "DEAD" : "n\(String(name, radix: 16))"
        case .told(let task, let name): "task \(task)'s n\(String(name, radix: 16))"
        case .names(let names): "{\(names.map { "n" + String($0, radix: 16) }.joined(separator: " "))}"
        case .text(let text): text
        }
    }
}

/// A number among the outputs.
func number(_ value: some BinaryInteger) -> Value { .number(UInt64(value)) }
