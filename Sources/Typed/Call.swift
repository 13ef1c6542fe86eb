public import Masix

/// One thing that a server can be asked: the question is a value of the type, its answer and what can go wrong are types inside it.
///
/// ```swift
/// struct LookUp: Call {
///     static let code: UInt32 = 7
///     var name: String
///     struct Response: Codable { var number: String }
///     enum Failure: Error, Codable { case unknown(String) }
/// }
/// let found = try phoneBook.call(LookUp(name: "Ada"), timeout: .seconds(1))
/// ```
/// Values travel as JSON: in the message if they fit, else in a memory object beside it. Neither side has to care.
public protocol Call: Codable, Sendable {
    /// What the server answers; `Nothing` if there is nothing to say but that it is done.
    associatedtype Response: Codable & Sendable

    /// What the server's handler may throw to its caller; `Never`, the default, if a call cannot fail in its own way.
    associatedtype Failure: Error & Codable = Never

    /// The service that understands the call, for rights that are typed by it (`TypedSendRight`); a type that serves as a name. A call that
    /// names none goes to any port.
    associatedtype Service = AnyService

    /// The code of the call's message: which call of the port's protocol it is. Two calls of one server have two codes.
    static var code: UInt32 { get }
}

/// The service of a call that names none.
public enum AnyService {}

/// An answer without content: it has been done.
public struct Nothing: Codable, Hashable, Sendable {
    /// The only value.
    public init() {}
}

/// Rights and memory that travel beside a value: they are owned and cannot be copied, so they are no part of it.
///
/// What is attached has left this program; if the cargo is let go unsent, so are they. The other side takes each by its position.
public struct Cargo: ~Copyable, Sendable {
    var message = Message()

    /// Nothing beside the value yet.
    public init() {}

    /// Gives a send right away.
    public mutating func attach(_ right: consuming SendRight) { message.attach(right) }

    /// Gives a send-once right away.
    public mutating func attach(_ right: consuming SendOnceRight) { message.attach(right) }

    /// Gives a receive right away.
    public mutating func attach(_ right: consuming ReceiveRight) { message.attach(right) }

    /// Leaves a place empty, so that the positions of the others keep their meaning.
    public mutating func attachNothing() { message.attachNothing() }

    /// Sends memory: the receiver gets its content as of now, without a copy.
    public mutating func attach(_ memory: MemoryObject) { message.attach(memory) }
}
