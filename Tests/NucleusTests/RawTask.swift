import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import SystemPackage

/// A task without a library: it says what it likes on its kernel socket.
final class RawTask {
    /// Whatever must live as long as this task.
    var host: AnyObject?
    let socket: Descriptor
    let welcome: Welcome
    let control: ControlMemory
    let status: StatusPage
    let statusFile: Descriptor
    let controlFile: Descriptor
    let bell: Descriptor
    private let controlMapping: Mapping
    private let statusMapping: Mapping
    private(set) var number: UInt64 = 0
    private var queryNumber: UInt64 = 0

    enum Failure: Error { case ended, refused(Refusal), unexpected(Response), noDescriptor, wrongVersion(UInt16) }

    convenience init(path: String) throws { try self.init(socket: MessageSocket.connect(path: path)) }

    init(socket: consuming Descriptor, version: UInt16 = Hello.version) throws {
        try MessageSocket.send(on: socket.raw, Hello(version: version).wireBytes, wait: true)
        var answer = try Self.datagram(socket.raw)
        welcome = try Welcome(wireBytes: answer.bytes)
        guard let control = answer.descriptors.take(0), let status = answer.descriptors.take(1), let bell = answer.descriptors.take(2)
        else {
            throw Failure.noDescriptor
        }
        controlMapping = try Mapping(of: control.raw, length: ControlMemory.length, access: .readWrite)
        statusMapping = try Mapping(of: status.raw, length: StatusPage.length, access: .readWrite)
        // Both mappings live as long as this task.
        unsafe self.control = ControlMemory(SharedRegion(base: controlMapping.base, length: controlMapping.count))
        unsafe self.status = StatusPage(SharedRegion(base: statusMapping.base, length: statusMapping.count))
        controlFile = control
        statusFile = status
        self.bell = bell
        self.socket = socket
        // Nobody scans here: ring for everything.
        self.status.asleep.release(1)
    }

    var id: TaskID { welcome.task }

    struct Datagram: ~Copyable {
        let bytes: [UInt8]
        var descriptors: DescriptorBundle
    }

    struct Reply: ~Copyable {
        let response: Response
        let payload: [UInt8]
        var descriptors: DescriptorBundle
    }

    static func datagram(_ raw: Int32) throws -> Datagram {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Envelope<Request>.bytesMax, alignment: 16)
        defer { unsafe buffer.deallocate() }
        // The buffer is ours over the call.
        let received = try unsafe MessageSocket.receive(on: raw, into: buffer, wait: true)
        guard !received.isEnd else { throw Failure.ended }
        let bytes = unsafe [UInt8](buffer[..<received.byteCount])
        return Datagram(bytes: bytes, descriptors: received.descriptors)
    }

    /// One request, one answer.
    func ask(_ request: Request, payload: [UInt8] = [], descriptors: [Int32] = []) throws -> Reply {
        number += 1
        try MessageSocket.send(
            on: socket.raw, Envelope(number: number, content: request, payload: payload).wireBytes, descriptors: descriptors, wait: true)
        while true {
            let answer = try Self.datagram(socket.raw)
            // A restarted nucleus may say a thing again (Documentation/Decisions/0004).
            var reader = WireReader(answer.bytes)
            guard try reader.read(UInt64.self) == number else { continue }
            let envelope = try Envelope<Response>(wireBytes: answer.bytes)
            return Reply(response: envelope.content, payload: envelope.payload, descriptors: answer.descriptors)
        }
    }

    /// The response alone.
    @discardableResult
    func say(_ request: Request, payload: [UInt8] = [], descriptors: [Int32] = []) throws -> Response {
        try ask(request, payload: payload, descriptors: descriptors).response
    }

    func query(_ query: Query) throws -> Answer {
        queryNumber += 1
        let number = Query.numberBit | queryNumber
        try MessageSocket.send(on: socket.raw, Envelope(number: number, content: query).wireBytes, wait: true)
        while true {
            let answer = try Self.datagram(socket.raw)
            var reader = WireReader(answer.bytes)
            guard try reader.read(UInt64.self) == number else { continue }
            return try Envelope<Answer>(wireBytes: answer.bytes).content
        }
    }

    /// Whether the node has let this task go. (Who it was, the node remembers for a while.)
    func sees(_ id: TaskID) throws -> Bool {
        guard case .tasks(let rows) = try query(.tasks(after: TaskID(raw: id.raw - 1))) else { throw Failure.noDescriptor }
        return rows.first?.id == id
    }

    // MARK: ports

    private var nextPort: PortID?

    /// A new port of this task, and its control-memory entry.
    func port(limit: UInt32 = 64) throws -> (PortID, UInt32) {
        let port: PortID
        if let next = nextPort {
            port = next
        } else {
            guard case .portBlock(let first, _) = try say(.portBlock) else { throw Failure.noDescriptor }
            port = first
        }
        nextPort = PortID(node: port.node, counter: port.counter + 1)
        let response = try say(.allocate(port, queueLimit: limit))
        guard case .allocated(let index) = response else { throw Failure.unexpected(response) }
        return (port, index)
    }

    /// Sends plain bytes; `.sent`, `.blocked` or a refusal.
    @discardableResult
    func send(_ bytes: [UInt8] = [], to destination: Transfer, code: UInt32 = 0, reply: Transfer = .null, rights: [Transfer] = [])
        throws -> Response
    {
        let outgoing = Outgoing(
            to: destination, reply: reply, code: code, rights: rights, payload: Payload(place: 0, length: UInt32(bytes.count)))
        return try say(.send(outgoing), payload: bytes)
    }

    /// The next message of a port; nil if none is there.
    func receive(_ port: PortID) throws -> (Delivered, [UInt8])? {
        let reply = try ask(.receive(port))
        switch reply.response {
        case .message(let delivered): return (delivered, reply.payload)
        case .empty: return nil
        default: throw Failure.unexpected(reply.response)
        }
    }

    /// Waits until the nucleus rings; false when time runs out. Takes the rings.
    func awaitBell(milliseconds: UInt64 = 2_000) throws -> Bool {
        guard try Ready.poll(bell.raw, for: .readable, timeoutNanoseconds: milliseconds * 1_000_000) else { return false }
        _ = try bell.readBytes(max: 4_096)
        return true
    }
}
