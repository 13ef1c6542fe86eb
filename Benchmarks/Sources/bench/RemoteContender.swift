import Foundation
import Masix
import Measure

/// Masix between two nodes: the caller, in this process, is a task of the one, the peer of the other.
final class RemoteContender: Contender {
    let name = "masix"
    private let setting: Setting
    private let processors: Processors
    private let pair: NodePair
    private var space: Space?
    private var server: SendReference?
    private var peer: Process?
    private var lastName = 0

    private final class SendReference {
        let right: SendRight
        init(_ right: consuming SendRight) { self.right = right }
    }

    init(_ setting: Setting, _ processors: Processors, _ pair: NodePair) {
        self.setting = setting
        self.processors = processors
        self.pair = pair
    }

    func begin() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        process.environment = ProcessInfo.processInfo.environment.merging([Peer.variable: pair.b, Peer.nameVariable: "bench"]) { $1 }
        try process.run()
        peer = process
        let space = try Space.attach(directory: pair.a)
        self.space = space
        server = SendReference(try space.names.lookUp("bench", wait: true, timeout: .seconds(10)))
    }

    func end() {
        server = nil
        space = nil
        peer?.terminate()
        peer?.waitUntilExit()
    }

    func run(samples: Int) throws -> Samples {
        guard let server, let space else { throw MasixError.nodeGone }
        let place = try processors.pair(for: setting.mode)
        for process in pair.processes { try process.place(on: place.map { [$0.caller] } ?? processors.allowed) }
        if let place { try Processors.pin(to: place.caller) }
        defer { try? processors.unpin() }
        _ = try server.right.call(Message(code: PeerRequest.place, bytes: [place.map { UInt8($0.peer) } ?? 255]))
        switch setting.name {
        case .nullCall:
            let body = [UInt8](repeating: 7, count: setting.size)
            return try time(samples, warming: 100) { _ in
                let answer = try server.right.call(Message(code: PeerRequest.echo, bytes: body))
                guard answer.bytes == body else { throw MasixError.malformedMessage }
            }
        case .outOfLine:
            let memory = try MemoryObject(bytes: [UInt8](repeating: 7, count: setting.size))
            return try time(samples, warming: 2) { _ in
                var message = Message(code: PeerRequest.memory)
                message.attach(memory)
                _ = try server.right.call(message)
            }
        case .resolveCold:
            let first = lastName
            lastName += samples
            _ = try server.right.call(Message(code: PeerRequest.names, bytes: number(UInt64(first)) + number(UInt64(samples))))
            return try time(samples, warming: 0) { _ = try space.names.lookUp(PeerRequest.name(first + $0)) }
        case .resolveCached: return try time(samples, warming: 100) { _ in _ = try space.names.lookUp("bench") }
        case .oneWay, .rightTransfer, .portSet, .allocate: throw MasixError.invalidValue
        }
    }

    private func time(_ samples: Int, warming: Int, _ call: (Int) throws -> Void) throws -> Samples {
        for _ in 0..<warming { try call(0) }
        let before = try processorTimes()
        var nanoseconds = [UInt64](repeating: 0, count: samples)
        for place in 0..<samples {
            let begin = now()
            try call(place)
            nanoseconds[place] = now() - begin
        }
        return Samples(nanoseconds: nanoseconds, processorNanoseconds: try processorTimes() - before)
    }

    /// Of both sides and of every process of both nodes.
    private func processorTimes() throws -> UInt64 {
        guard let peer else { throw MasixError.nodeGone }
        return processorTime() + OtherProcess(pid: peer.processIdentifier).processorTime
            + pair.processes.reduce(0) { $0 + $1.processorTime }
    }
}
