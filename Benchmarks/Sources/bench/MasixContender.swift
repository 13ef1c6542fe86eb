import Foundation
import Masix
import MasixTestKit
import Measure

/// Masix's side of a case: a node, the caller in this process and the peer in another.
final class MasixContender: Contender {
    let name: String
    private let setting: Setting
    private let processors: Processors
    private var node: TestNode?
    private var space: Space?
    private var server: SendReference?
    private var peer: Process?
    /// Another task, which sends nothing.
    private var third: Space?

    /// A move-only right inside an object.
    private final class SendReference {
        let right: SendRight
        init(_ right: consuming SendRight) { self.right = right }
    }

    /// Another `name` where it is the floor of something else.
    init(_ setting: Setting, _ processors: Processors, as name: String = "masix") {
        self.name = name
        self.setting = setting
        self.processors = processors
    }

    func begin() throws {
        let node = try TestNode(leases: setting.place == .local ? .on : .off)
        self.node = node
        let process = Process()
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.environment = ProcessInfo.processInfo.environment.merging([Peer.variable: node.directory]) { $1 }
        try process.run()
        peer = process
        let space = try node.attach()
        self.space = space
        for _ in 0..<5_000 {
            if let right = try TestNode.withdraw(Peer.place, for: space) {
                server = SendReference(right)
                return
            }
            usleep(1_000)
        }
        throw MasixError.timedOut
    }

    func end() {
        server = nil
        peer?.terminate()
        peer?.waitUntilExit()
        node?.stop()
    }

    func run(samples: Int) throws -> Samples {
        guard let server, let space else { throw MasixError.nodeGone }
        let pair = try processors.pair(for: setting.mode)
        if let pair { try Processors.pin(to: pair.caller) }
        defer { try? processors.unpin() }
        _ = try server.right.call(Message(code: PeerRequest.place, bytes: [pair.map { UInt8($0.peer) } ?? 255]))
        let carried = try byNucleus()
        let before = try processorTimes(server.right)
        var result: Samples
        switch setting.name {
        case .nullCall:
            // As the floor has it: the number in the first and the last word, written and read on both sides.
            let body = NumberedBody(size: setting.size)
            result = try time(samples) {
                let number = body.next()
                let answer = try server.right.call(Message(code: PeerRequest.echo, copying: body.bytes.span))
                guard answer.withBytes({ body.isMarked($0, number) }) else { throw MasixError.malformedMessage }
            }
        case .oneWay:
            let port = try space.makePort(queueLimit: setting.depth ?? 64)
            result = try stream(samples, server.right, to: try port.makeSendRight()) { () throws(MasixError) in try port.receive() }
        case .portSet:
            let set = space.makePortSet()
            var ports: [PortID] = []
            while ports.count < setting.members ?? 1 {
                ports += try set.makePorts(min(100, (setting.members ?? 1) - ports.count), queueLimit: setting.depth ?? 64)
            }
            // Whoever holds a right could speak.
            var rights = SendRights()
            for port in ports { rights.append(try set.makeSendRight(to: port)) }
            let speaker = rights.copy(at: ports.count / 2)
            result = try stream(samples, server.right, to: speaker) { () throws(MasixError) in try set.receive() }
            rights.close()
            set.destroy(ports)
        case .allocate: throw MasixError.invalidValue
        case .rightTransfer:
            let third = try self.third ?? node?.attach()
            self.third = third
            guard let third, let node else { throw MasixError.nodeGone }
            let port = try third.makePort()
            let own = try node.pass(try port.makeSendRight(), from: third, to: space)
            result = try time(samples) {
                var message = Message(code: PeerRequest.right, bytes: [UInt8](repeating: 7, count: setting.size))
                message.attach(own.copy())
                _ = try server.right.call(message)
            }
        case .outOfLine:
            result = try outOfLine(samples, server.right)
        case .resolveCold, .resolveCached: throw MasixError.invalidValue
        }
        result.processorNanoseconds = try processorTimes(server.right) - before
        // Warming up included, on both counts; a call is two messages.
        let operations = UInt64(
            result.operationsPerSample * samples + (isStream ? 2 * result.operationsPerSample : Self.warming))
        result.counters = ["messages": operations * (isStream ? 1 : 2), "by the nucleus": try byNucleus() - carried]
        return result
    }

    private static let warming = 200
    private var isStream: Bool { setting.name == .oneWay || setting.name == .portSet }

    private func byNucleus() throws -> UInt64 { try node?.counters()["messages received by the nucleus"] ?? 0 }

    private func time(_ samples: Int, _ call: () throws -> Void) throws -> Samples {
        for _ in 0..<Self.warming { try call() }
        var nanoseconds = [UInt64](repeating: 0, count: samples)
        for place in 0..<samples {
            if let pause = setting.thinkMicroseconds { think(nanoseconds: UInt64(pause) * 1_000) }
            let begin = now()
            try call()
            nanoseconds[place] = now() - begin
        }
        return Samples(nanoseconds: nanoseconds, processorNanoseconds: 0)
    }

    /// The peer sends, we receive and read every byte.
    private func stream(
        _ samples: Int, _ server: borrowing SendRight, to right: consuming SendRight, receive: () throws(MasixError) -> ReceivedMessage
    ) throws -> Samples {
        let each = setting.operationsPerSample
        var request = Message(
            code: PeerRequest.stream, bytes: number(UInt64((samples + 2) * each)) + number(UInt64(setting.size)))
        request.attach(right)
        try server.send(request)
        var sum = 0
        func batch() throws {
            for _ in 0..<each {
                // Word by word, as the floor's reader does.
                try receive().withBytes { bytes in
                    // The bytes of the span, which are as many as it says.
                    unsafe bytes.withUnsafeBytes { bytes in
                        for place in stride(from: 0, to: bytes.count - 7, by: 8) {
                            sum &+= unsafe bytes.loadUnaligned(fromByteOffset: place, as: Int.self)
                        }
                    }
                }
            }
        }
        for _ in 0..<2 { try batch() }
        var nanoseconds = [UInt64](repeating: 0, count: samples)
        for place in 0..<samples {
            let begin = now()
            try batch()
            nanoseconds[place] = now() - begin
        }
        guard sum == (samples + 2) &* each &* (setting.size / 8) &* 0x0101_0101_0101_0101 else { throw MasixError.malformedMessage }
        return Samples(nanoseconds: nanoseconds, operationsPerSample: each, processorNanoseconds: 0)
    }

    /// As the floor: made, filled and sealed; sent, mapped and looked into; unmapped; released. Each stage apart.
    private func outOfLine(_ samples: Int, _ server: borrowing SendRight) throws -> Samples {
        var nanoseconds: [UInt64] = []
        var stages: [String: [UInt64]] = ["create": [], "fill": [], "seal": [], "unmap": [], "release": []]
        let piece = [UInt8](repeating: 7, count: 1 << 20)
        for place in 0..<(samples + 3) {
            var (created, filled): (UInt64, UInt64) = (0, 0)
            let begin = now()
            var memory: MemoryObject? = try MemoryObject(count: setting.size) { draft throws(MasixError) in
                created = now()
                for offset in stride(from: 0, to: setting.size, by: piece.count) {
                    try draft.write(setting.size - offset < piece.count ? Array(piece.prefix(setting.size - offset)) : piece, at: offset)
                }
                filled = now()
            }
            let sealed = now()
            var message = Message(code: PeerRequest.memory)
            if let memory { message.attach(memory) }
            let sent = now()
            let answer = try server.call(message)
            let answered = now()
            guard answer.bytes == [7, 7, 7] else { throw MasixError.malformedMessage }
            let unmapped = value(try server.call(Message(code: PeerRequest.unmapped)).bytes, at: 0)
            let before = now()
            memory = nil
            let released = now()
            guard place >= 3 else { continue }
            nanoseconds.append(answered - sent)
            for (name, time) in [
                ("create", created - begin), ("fill", filled - created), ("seal", sealed - filled), ("unmap", unmapped),
                ("release", released - before),
            ] { stages[name]?.append(time) }
        }
        return Samples(nanoseconds: nanoseconds, processorNanoseconds: 0, stages: stages)
    }

    /// Of both sides: this process (with the nucleus on a thread of it) and the peer's.
    private func processorTimes(_ server: borrowing SendRight) throws -> UInt64 {
        processorTime() + value(try server.call(Message(code: PeerRequest.processorTime)).bytes, at: 0)
    }
}

/// The bytes of a null call: the number of the call in the first and in the last word.
private final class NumberedBody {
    private(set) var bytes: [UInt8]
    private var number: UInt64 = 0

    init(size: Int) { bytes = [UInt8](repeating: 7, count: size) }

    /// The next number, written into the bytes.
    func next() -> UInt64 {
        number += 1
        let (number, last) = (self.number, bytes.count - 8)
        // Both words lie inside.
        unsafe bytes.withUnsafeMutableBytes { place in
            unsafe place.storeBytes(of: number, toByteOffset: 0, as: UInt64.self)
            unsafe place.storeBytes(of: number, toByteOffset: last, as: UInt64.self)
        }
        return number
    }

    func isMarked(_ answer: Span<UInt8>, _ number: UInt64) -> Bool {
        guard answer.count == bytes.count else { return false }
        // Both words lie inside.
        return unsafe answer.withUnsafeBytes { answer in
            unsafe answer.loadUnaligned(fromByteOffset: 0, as: UInt64.self) == number
                && answer.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self) == number
        }
    }
}
