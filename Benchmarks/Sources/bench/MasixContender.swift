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
            let body = [UInt8](repeating: 7, count: setting.size)
            result = try time(samples) {
                let answer = try server.right.call(Message(code: PeerRequest.echo, bytes: body))
                guard answer.bytes == body else { throw MasixError.malformedMessage }
            }
        case .oneWay: result = try stream(samples, server.right, space)
        case .rightTransfer:
            let port = try space.makePort()
            let own = try port.makeSendRight()
            result = try time(samples) {
                var message = Message(code: PeerRequest.right, bytes: [UInt8](repeating: 7, count: setting.size))
                message.attach(own.copy())
                _ = try server.right.call(message)
            }
        case .outOfLine:
            let memory = try MemoryObject(bytes: [UInt8](repeating: 7, count: setting.size))
            result = try time(samples) {
                var message = Message(code: PeerRequest.memory)
                message.attach(memory)
                _ = try server.right.call(message)
            }
        case .resolveCold, .resolveCached: throw MasixError.invalidValue
        }
        result.processorNanoseconds = try processorTimes(server.right) - before
        // Warming up included, on both counts; a call is two messages.
        let operations = UInt64(
            result.operationsPerSample * samples + (setting.name == .oneWay ? 2 * result.operationsPerSample : Self.warming))
        result.counters = ["messages": operations * (setting.name == .oneWay ? 1 : 2), "by the nucleus": try byNucleus() - carried]
        return result
    }

    private static let warming = 200

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
    private func stream(_ samples: Int, _ server: borrowing SendRight, _ space: Space) throws -> Samples {
        let port = try space.makePort(queueLimit: setting.depth ?? 64)
        let each = setting.operationsPerSample
        var request = Message(
            code: PeerRequest.stream, bytes: number(UInt64((samples + 2) * each)) + number(UInt64(setting.size)))
        request.attach(try port.makeSendRight())
        try server.send(request)
        var sum = 0
        func batch() throws {
            for _ in 0..<each {
                let message = try port.receive()
                for byte in message.bytes { sum &+= Int(byte) }
            }
        }
        for _ in 0..<2 { try batch() }
        var nanoseconds = [UInt64](repeating: 0, count: samples)
        for place in 0..<samples {
            let begin = now()
            try batch()
            nanoseconds[place] = now() - begin
        }
        guard sum == (samples + 2) * each * setting.size else { throw MasixError.malformedMessage }
        return Samples(nanoseconds: nanoseconds, operationsPerSample: each, processorNanoseconds: 0)
    }

    /// Of both sides: this process (with the nucleus on a thread of it) and the peer's.
    private func processorTimes(_ server: borrowing SendRight) throws -> UInt64 {
        processorTime() + value(try server.call(Message(code: PeerRequest.processorTime)).bytes, at: 0)
    }
}
