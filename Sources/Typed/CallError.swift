public import Masix

/// Why a typed call has no answer. Each case is another fault: the server's own no, a protocol that the two do not share, or the way.
public enum CallError<Failure: Error>: Error {
    /// The server's handler has refused, in the words of the call.
    case failed(Failure)
    /// The server lives and has no handler for this code.
    case unknownCall(code: UInt32)
    /// The server could not read the request; its words say where it stopped. Nothing has been done.
    case undecodableRequest(String)
    /// The request's value has more bytes than this server reads. Nothing has been done.
    case requestTooLarge(bytesMax: Int)
    /// The server is at work on as many calls as it takes at a time. Nothing has been done.
    case busy
    /// The server's handler failed with an error that is none of the call's own, or with an answer that cannot be written. What it is
    /// has been told to the server, not to its callers: here is only the error's type.
    case serverFailed(String)
    /// The answer is not what the call says it is, or has more bytes than this side reads. The call has been carried out.
    case undecodableAnswer(String)
    /// The request could not be written down: a number that is not finite, for one. Nothing was sent.
    case unencodableRequest(String)
    /// The call did not get there, or its answer not back; the error says which, as for any call.
    case node(MasixError)
}

extension CallError: Equatable where Failure: Equatable {}
extension CallError: Hashable where Failure: Hashable {}

extension CallError: CustomStringConvertible {
    /// The error in words, and what to do about it.
    public var description: String {
        switch self {
        case .failed(let failure): "\(failure)"
        case .unknownCall(let code): "the server knows no call with the code \(code): it is another server, or an older one"
        case .undecodableRequest(let words): "the server cannot read the request: \(words)"
        case .requestTooLarge(let bytesMax):
            "the server reads at most \(bytesMax) bytes of a request: send what is large as memory beside the value"
        case .busy: "the server is at work on as many calls as it takes at a time: call again later"
        case .serverFailed(let type): "the server failed to carry the call out (\(type)): its own log says more"
        case .undecodableAnswer(let words): "the answer cannot be read: \(words)"
        case .unencodableRequest(let words): "the request cannot be written: \(words)"
        case .node(let error): error.description
        }
    }
}
