public import Masix

/// A send right to a port that serves `Service`: calls of another service do not compile.
///
/// ```swift
/// enum Phones {}                                          // the name of a service
/// struct LookUp: Call { typealias Service = Phones … }    // a call that it understands
/// let book = try space.names.lookUp("phone-book", as: Phones.self)
/// let found = try book.call(LookUp(name: "Ada"), timeout: .seconds(1))
/// ```
/// The type is what this program knows of the port, and no check of the other side: who answers otherwise than the call says is told from who
/// does not (`CallError.undecodableAnswer`, `.unknownCall`).
public struct TypedSendRight<Service>: ~Copyable, Sendable {
    /// The right without its type, for what has none.
    public let untyped: SendRight

    /// Says what a right is a right to.
    public init(_ right: consuming SendRight) { untyped = right }

    /// Another value for the same right.
    public func copy() -> TypedSendRight { TypedSendRight(untyped.copy()) }

    /// Calls, and waits for the one answer.
    public func call<C: Call>(_ call: C, timeout: Duration? = nil) throws(CallError<C.Failure>) -> C.Response where C.Service == Service {
        try untyped.call(call, timeout: timeout)
    }

    /// Calls with rights and memory beside the value.
    public func call<C: Call>(
        _ call: C, with cargo: consuming Cargo, timeout: Duration? = nil, answerBytesMax: Int = CallLimits.valueBytesMax
    ) throws(CallError<C.Failure>) -> CallAnswer<C> where C.Service == Service {
        try untyped.call(call, with: cargo, timeout: timeout, answerBytesMax: answerBytesMax)
    }

    /// Calls, and suspends until the one answer is there.
    public func call<C: Call>(_ call: C, timeout: Duration? = nil) async throws(CallError<C.Failure>) -> C.Response
    where C.Service == Service {
        try await untyped.call(call, timeout: timeout)
    }

    /// Calls with rights and memory beside the value; suspends until the one answer is there.
    public func call<C: Call>(
        _ call: C, with cargo: consuming Cargo, timeout: Duration? = nil, answerBytesMax: Int = CallLimits.valueBytesMax
    ) async throws(CallError<C.Failure>) -> CallAnswer<C> where C.Service == Service {
        try await untyped.call(call, with: cargo, timeout: timeout, answerBytesMax: answerBytesMax)
    }
}

extension Names {
    /// A send right to the port of this name, which serves `Service`; otherwise as `lookUp`.
    public func lookUp<Service>(
        _ name: String, as service: Service.Type, wait: Bool = false, timeout: Duration? = nil
    ) throws(NameError) -> TypedSendRight<Service> {
        TypedSendRight(try lookUp(name, wait: wait, timeout: timeout))
    }
}

extension Cargo {
    /// Gives a typed right away.
    public mutating func attach<Service>(_ right: consuming TypedSendRight<Service>) { attach(right.untyped) }
}

extension ReceivedMessage {
    /// The send right at this position, as one to a port that serves `Service`.
    public mutating func takeSendRight<Service>(at index: Int = 0, as service: Service.Type) -> TypedSendRight<Service>? {
        guard let right = takeSendRight(at: index) else { return nil }
        return TypedSendRight(right)
    }
}

extension CallServer {
    /// A send right to one of the server's ports, typed by what it serves.
    public func makeSendRight<Service>(to port: PortID, as service: Service.Type) throws(MasixError) -> TypedSendRight<Service> {
        TypedSendRight(try makeSendRight(to: port))
    }
}
