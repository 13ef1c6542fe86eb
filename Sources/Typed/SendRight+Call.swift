public import Masix

// The caller's side. A call with `await` suspends; the same without blocks its thread.

extension SendRight {
    /// Calls, and waits for the one answer.
    ///
    /// `timeout` covers both ways; nil waits for ever, and the server's death is told at once all the same. See `CallError` for what
    /// may come instead of an answer.
    public func call<C: Call>(_ call: C, timeout: Duration? = nil) throws(CallError<C.Failure>) -> C.Response {
        try self.call(call, with: Cargo(), timeout: timeout).value
    }

    /// Calls with rights and memory beside the value, and takes an answer that may bring some.
    ///
    /// With an error the cargo is given up. An answer whose value has more than `answerBytesMax` bytes is not read.
    public func call<C: Call>(
        _ call: C, with cargo: consuming Cargo, timeout: Duration? = nil, answerBytesMax: Int = CallLimits.valueBytesMax
    ) throws(CallError<C.Failure>) -> CallAnswer<C> {
        let message = try Self.message(call, cargo)
        return try CallAnswer(try answer(to: message, of: C.self, timeout), bytesMax: answerBytesMax)
    }

    /// Calls, and suspends until the one answer is there; if the task is cancelled, `.node(.cancelled)`.
    public func call<C: Call>(_ call: C, timeout: Duration? = nil) async throws(CallError<C.Failure>) -> C.Response {
        try await self.call(call, with: Cargo(), timeout: timeout).value
    }

    /// Calls with rights and memory beside the value; suspends until the one answer is there.
    public func call<C: Call>(
        _ call: C, with cargo: consuming Cargo, timeout: Duration? = nil, answerBytesMax: Int = CallLimits.valueBytesMax
    ) async throws(CallError<C.Failure>) -> CallAnswer<C> {
        let message = try Self.message(call, cargo)
        return try CallAnswer(try await answerLater(to: message, of: C.self, timeout), bytesMax: answerBytesMax)
    }

    /// Sends a call for whose answer nobody waits: the server carries it out and answers to nobody.
    ///
    /// `timeout` is for the room in its queue, as for any `send`. Nobody learns whether the server knows the call.
    public func send<C: Call>(_ call: C, with cargo: consuming Cargo, timeout: Duration? = nil) throws(CallError<C.Failure>) {
        let message = try Self.message(call, cargo)
        do throws(MasixError) { try send(message, timeout: timeout) } catch { throw .node(error) }
    }

    /// Sends a call without anything beside its value.
    public func send<C: Call>(_ call: C, timeout: Duration? = nil) throws(CallError<C.Failure>) {
        try send(call, with: Cargo(), timeout: timeout)
    }

    /// Sends a call for whose answer nobody waits; suspends while the server's queue is full.
    public func send<C: Call>(_ call: C, with cargo: consuming Cargo, timeout: Duration? = nil) async throws(CallError<C.Failure>) {
        let message = try Self.message(call, cargo)
        do throws(MasixError) { try await send(message, timeout: timeout) } catch { throw .node(error) }
    }

    /// Sends a call without anything beside its value; suspends while the server's queue is full.
    public func send<C: Call>(_ call: C, timeout: Duration? = nil) async throws(CallError<C.Failure>) {
        try await send(call, with: Cargo(), timeout: timeout)
    }

    private static func message<C: Call>(_ call: C, _ cargo: consuming Cargo) throws(CallError<C.Failure>) -> Message {
        let json: [UInt8]
        do throws(Unwritable) { json = try Payload.encode(call) } catch { throw .unencodableRequest(error.words) }
        return try message(code: C.code, json, cargo, of: C.self)
    }

    private static func message<C: Call>(
        code: UInt32, _ json: [UInt8], _ cargo: consuming Cargo, of call: C.Type
    ) throws(CallError<C.Failure>) -> Message {
        do throws(MasixError) { return try Message(code: code, json: json, cargo: cargo) } catch { throw .node(error) }
    }

    private func answer<C: Call>(
        to message: consuming Message, of call: C.Type, _ timeout: Duration?
    ) throws(CallError<C.Failure>) -> ReceivedMessage {
        do throws(MasixError) { return try self.call(message, timeout: timeout) } catch { throw .node(error) }
    }

    private func answerLater<C: Call>(
        to message: consuming Message, of call: C.Type, _ timeout: Duration?
    ) async throws(CallError<C.Failure>) -> ReceivedMessage {
        do throws(MasixError) { return try await self.call(message, timeout: timeout) } catch { throw .node(error) }
    }
}
