import Foundation
import Masix
import MasixTestKit
import Measure

/// What the caller asks of the peer; the code of the message.
enum PeerRequest {
    /// The same bytes back.
    static let echo: UInt32 = 1
    /// Onto the processor in the first byte, or, for 255, wherever Linux likes.
    static let place: UInt32 = 2
    /// Processor time so far, in nanoseconds, as eight bytes.
    static let processorTime: UInt32 = 3
    /// So many messages (eight bytes) of so many bytes (eight more) to the send right that comes along.
    static let stream: UInt32 = 4
    /// A right that is dropped before the reply.
    static let right: UInt32 = 5
    /// Memory of which the first, the middle and the last byte are read before the reply.
    static let memory: UInt32 = 6
    /// So many names (the second eight bytes), each of a port of its own, from this number on (the first eight), instead of those before.
    static let names: UInt32 = 7
    /// So many more ports (eight bytes), which live as long as the peer: a send right to each.
    static let ports: UInt32 = 8
    /// How long the peer took to unmap and let go of the memory that came last, in nanoseconds, as eight bytes; when it has.
    static let unmapped: UInt32 = 9

    static func name(_ number: Int) -> String { "bench-\(number)" }
}

/// A receive right in an array: the name lives as long.
private final class NamedPort {
    private let right: ReceiveRight
    init(_ right: consuming ReceiveRight) { self.right = right }
}

/// The serving side, in a process of its own.
struct Peer {
    static let variable = "MASIX_BENCH_PEER"
    /// The name to be registered, where the caller is on another node.
    static let nameVariable = "MASIX_BENCH_NAME"
    /// Where the peer leaves the right to its port.
    static let place: UInt32 = 1 << 16

    private let directory: String

    init(_ directory: String) { self.directory = directory }

    func serve() throws {
        let processors = try Processors()
        let space = try Space.attach(directory: directory)
        let port = try space.makePort(queueLimit: 64)
        if let name = ProcessInfo.processInfo.environment[Self.nameVariable] {
            try space.names.register(name, try port.makeSendRight())
        } else {
            try TestNode.deposit(try port.makeSendRight(), as: Self.place, from: space)
        }
        var names: [NamedPort] = []
        var ports: [NamedPort] = []
        var unmapping: UInt64 = 0
        // Ends when the node does.
        while var request = try? port.receive() {
            let reply = request.takeReply()
            var answer = Message(code: request.code)
            switch request.code {
            case PeerRequest.echo: answer = request.withBytes { Message(code: PeerRequest.echo, copying: $0) }
            case PeerRequest.place:
                if let place = request.bytes.first, place != 255 {
                    try Processors.pin(to: Int32(place))
                } else {
                    try processors.unpin()
                }
            case PeerRequest.processorTime: answer.bytes = number(processorTime())
            case PeerRequest.stream:
                guard let target = request.takeSendRight() else { continue }
                let count = value(request.bytes, at: 0)
                let body = [UInt8](repeating: 1, count: Int(value(request.bytes, at: 8)))
                for _ in 0..<count { try target.send(Message(copying: body.span)) }
            case PeerRequest.right: request.takeSendRight()?.close()
            case PeerRequest.memory:
                guard let memory = request.takeMemory() else { continue }
                unmapping = try answerMapped(memory, reply)
                continue
            case PeerRequest.unmapped: answer.bytes = number(unmapping)
            case PeerRequest.names:
                names = []
                for number in 0..<Int(value(request.bytes, at: 8)) {
                    names.append(NamedPort(try space.names.register(PeerRequest.name(Int(value(request.bytes, at: 0)) + number))))
                }
            case PeerRequest.ports:
                for _ in 0..<value(request.bytes, at: 0) {
                    let port = try space.makePort()
                    answer.attach(try port.makeSendRight())
                    ports.append(NamedPort(port))
                }
            default: break
            }
            try reply?.send(answer)
        }
    }
}

/// Reads the first, the middle and the last byte and replies while the memory is still mapped, as the floor does; then how long it took to
/// let go of it.
private func answerMapped(_ memory: consuming MemoryObject, _ reply: consuming SendOnceRight?) throws -> UInt64 {
    let right = OneReply(reply)
    let begin = try memory.withMapped { bytes in
        let read = [0, bytes.byteCount / 2, bytes.byteCount - 1].map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        try right.send(Message(code: PeerRequest.memory, bytes: read))
        return now()
    }
    _ = consume memory
    return now() - begin
}

/// A right that is used inside a closure.
private final class OneReply {
    private var right: SendOnceRight?
    init(_ right: consuming SendOnceRight?) { self.right = right }
    func send(_ message: consuming Message) throws(MasixError) { try right.take()?.send(message) }
}

/// Eight bytes, little-endian.
func number(_ value: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) } }

func value(_ bytes: [UInt8], at offset: Int) -> UInt64 {
    guard bytes.count >= offset + 8 else { return 0 }
    return (0..<8).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) }
}
