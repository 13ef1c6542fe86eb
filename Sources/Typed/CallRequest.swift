public import Masix

/// A typed call at its handler: what is asked, by whom, and what is to go with the answer.
public struct CallRequest<C: Call>: ~Copyable, Sendable {
    /// What is asked.
    public let value: C
    /// The message that it came in: its sender, its port, and the rights and memory to take from it. The reply right is not in it
    /// any more: the server answers.
    public var message: ReceivedMessage
    /// Rights and memory that go beside the response. They are given up if the handler throws.
    public var reply = Cargo()
    /// The server at work: a handler opens more ports with it, or stops it.
    public let server: CallServer

    init(_ value: C, message: consuming ReceivedMessage, server: CallServer) {
        self.value = value
        self.message = message
        self.server = server
    }

    /// Who asks: user, process, executable, from the operating system and not from the sender.
    public func senderIdentity() throws(MasixError) -> TaskIdentity { try message.senderIdentity() }
}
