import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import Synchronization
import SystemPackage

/// The kernel socket and everything that must agree with the order of what was said over it.
///
/// One lock: a request goes out, its answer comes in, and the tables follow the answer before anybody else asks. So a right that
/// is given up by one thread and arrives again by another is never confused.
final class Connection: Sendable {
    struct Core: ~Copyable {
        let socket: Descriptor
        var lastNumber: UInt64 = 0
        var lastQuery: UInt64 = 0
        var isGone = false
        /// By port: one entry each, however many rights of this process name it (spec/mach.md N2).
        var sends: [PortID: SendEntry] = [:]
        var receives: [PortID: ReceiveEntry] = [:]
        var completions = CompletionPool()

        init(socket: consuming Descriptor) { self.socket = socket }

        // For every holder: the thread that watches it ends too.
        deinit { try? MessageSocket.end(socket.raw) }
    }

    private let core: Mutex<Core>
    let node: NodeID
    let task: TaskID

    init(socket: consuming Descriptor, node: NodeID, task: TaskID) {
        core = Mutex(Core(socket: socket))
        self.node = node
        self.task = task
    }

    /// Runs with the tables, and with nobody else talking.
    func withCore<Result: Sendable & ~Copyable>(_ body: (inout Core) throws(MasixError) -> sending Result) throws(MasixError)
        -> sending Result
    {
        try core.withLock { core throws(MasixError) in try body(&core) }
    }
}

/// What came back for a request.
struct Answer: ~Copyable {
    let response: Response
    var payload: [UInt8]
    var descriptors: DescriptorBundle
}

extension Connection.Core {
    /// Sends one request and waits for its answer, which the nucleus gives without waiting for anybody.
    mutating func ask(_ request: Request, payload: [UInt8] = [], descriptors: [Int32] = []) throws(MasixError) -> Answer {
        guard !isGone else { throw .nodeGone }
        lastNumber += 1
        let bytes = Envelope(number: lastNumber, content: request, payload: payload).wireBytes
        do {
            try MessageSocket.send(on: socket.raw, bytes, descriptors: descriptors, wait: true)
            let datagram = try receive(number: lastNumber, max: Envelope<Response>.bytesMax)
            // The nucleus is trusted; what cannot be read is another version of it, or its end.
            guard let envelope = try? Envelope<Response>(wireBytes: datagram.bytes) else { throw Errno.protocolError }
            return Answer(response: envelope.content, payload: envelope.payload, descriptors: datagram.descriptors)
        } catch {
            isGone = true
            throw .nodeGone
        }
    }

    /// Asks and demands that nothing was refused.
    mutating func demand(_ request: Request, payload: [UInt8] = [], descriptors: [Int32] = []) throws(MasixError) -> Answer {
        let answer = try ask(request, payload: payload, descriptors: descriptors)
        if case .refused(let refusal) = answer.response { throw MasixError(refusal) }
        return answer
    }

    /// Asks for several things with as few datagrams as there can be; one answer to each, in their order.
    mutating func ask(several requests: [Request]) throws(MasixError) -> [Response] {
        if requests.count == 1 { return [try ask(requests[0]).response] }
        var responses: [Response] = []
        responses.reserveCapacity(requests.count)
        var start = 0
        while start < requests.count {
            let parts = requests[start..<min(start + Limits.requestsTogetherMax, requests.count)]
            guard case .several(let answers) = try ask(.several(Array(parts))).response, answers.count == parts.count else {
                isGone = true
                throw .nodeGone
            }
            responses += answers
            start += parts.count
        }
        return responses
    }

    /// Asks a query, which has a number in a row of its own.
    mutating func ask(_ query: Query) throws(MasixError) -> MasixTransport.Answer {
        guard !isGone else { throw .nodeGone }
        lastQuery += 1
        let number = Query.numberBit | lastQuery
        do {
            try MessageSocket.send(on: socket.raw, Envelope(number: number, content: query).wireBytes, wait: true)
            let datagram = try receive(number: number, max: Envelope<MasixTransport.Answer>.bytesMax)
            guard let envelope = try? Envelope<MasixTransport.Answer>(wireBytes: datagram.bytes) else { throw Errno.protocolError }
            return envelope.content
        } catch {
            isGone = true
            throw .nodeGone
        }
    }

    /// The datagram with this number. A restarted nucleus repeats its last answer, and may welcome us once more, for it cannot know
    /// whether we have it (decision 0004): whatever has another number was meant for an earlier question.
    private func receive(number: UInt64, max: Int) throws(Errno) -> Datagram {
        while true {
            let datagram = try Datagram.receive(on: socket.raw, max: max)
            var reader = WireReader(datagram.bytes)
            if let found = try? reader.read(UInt64.self), found == number { return datagram }
        }
    }
}

/// Which completion words are in use by blocked sends.
struct CompletionPool: Sendable {
    private var free = (0..<UInt16(Limits.completionWords)).reversed().map { $0 }

    mutating func take() -> UInt16? { free.popLast() }
    mutating func give(back index: UInt16) { free.append(index) }
}
