import MasixLinux
import SystemPackage
import Testing

/// Receives one message as an array, with the rest of what is told about it.
private func next(_ raw: Int32, room: Int = 256, peek: Bool = false, takingDescriptors: Bool = true, wait: Bool = false) throws(Errno) -> (
    [UInt8], Int, isEnd: Bool, truncated: Bool, controlTruncated: Bool, firstKind: FileStatus.Kind?
) {
    var bytes = [UInt8](repeating: 0, count: room)
    var failure: Errno?
    var result: (Int, Int, Bool, Bool, Bool, FileStatus.Kind?) = (0, 0, false, false, false, nil)
    unsafe bytes.withUnsafeMutableBytes { buffer in
        do throws(Errno) {
            let received = try unsafe MessageSocket.receive(
                on: raw, into: buffer, peek: peek, wait: wait, takingDescriptors: takingDescriptors)
            var kind: FileStatus.Kind?
            if let first = received.descriptors.raw(at: 0) { kind = try File.status(of: first).kind }
            result = (
                received.byteCount, received.descriptors.count, received.isEnd, received.isTruncated, received.isControlTruncated, kind
            )
        } catch { failure = error }
    }
    if let failure { throw failure }
    return (Array(bytes.prefix(result.0)), result.1, result.2, result.3, result.4, result.5)
}

extension Door {
    @Test func messagesKeepTheirBorders() throws {
        let pair = try MessageSocket.pair()
        let (header, body): ([UInt8], [UInt8]) = ([1, 2], [3])
        try unsafe header.withUnsafeBytes { header in
            try unsafe body.withUnsafeBytes { body in
                try unsafe MessageSocket.send(on: pair.first.raw, header: header, body: body, wait: true)
            }
        }
        try MessageSocket.send(on: pair.first.raw, [4, 5, 6, 7], wait: true)
        #expect(try next(pair.second.raw).0 == [1, 2, 3])
        let short = try next(pair.second.raw, room: 2)
        #expect(short.0 == [4, 5] && short.truncated)
        #expect(throws: Errno.wouldBlock) { try next(pair.second.raw) }
    }

    @Test func peekLeavesMessageAndDescriptors() throws {
        let pair = try MessageSocket.pair()
        let pipe = try Pipe.make()
        try MessageSocket.send(on: pair.first.raw, [9], descriptors: [pipe.reader.raw, pipe.writer.raw], wait: false)
        let peeked = try next(pair.second.raw, peek: true)
        #expect(peeked.0 == [9] && peeked.1 == 2 && peeked.firstKind == .pipe)
        let without = try next(pair.second.raw, peek: true, takingDescriptors: false)
        #expect(without.0 == [9] && without.1 == 0 && without.controlTruncated)
        let taken = try next(pair.second.raw)
        #expect(taken.0 == [9] && taken.1 == 2 && taken.firstKind == .pipe && !taken.controlTruncated)
        #expect(throws: Errno.wouldBlock) { try next(pair.second.raw) }
    }

    @Test func manyDescriptorsTravelAndTooManyDoNot() throws {
        let pair = try MessageSocket.pair()
        let null = try File.open("/dev/null", .read)
        let most = [Int32](repeating: null.raw, count: MessageSocket.descriptorsPerMessageMax)
        try MessageSocket.send(on: pair.first.raw, [1], descriptors: most, wait: false)
        #expect(try next(pair.second.raw).1 == 253)
        #expect(throws: Errno.invalidArgument) {
            try MessageSocket.send(on: pair.first.raw, [1], descriptors: most + [null.raw], wait: false)
        }
        #expect(throws: Errno.badFileDescriptor) {
            try MessageSocket.send(on: pair.first.raw, [1], descriptors: [closedNumber], wait: false)
        }
    }

    @Test func endIsToldOnceAllIsRead() throws {
        let pair = try MessageSocket.pair()
        try MessageSocket.send(on: pair.first.raw, [1], wait: false)
        try MessageSocket.endSending(pair.first.raw)
        #expect(try !next(pair.second.raw).isEnd)
        #expect(try next(pair.second.raw).isEnd)
        #expect(throws: Errno.brokenPipe) { try MessageSocket.send(on: pair.first.raw, [1], wait: false) }
    }

    @Test func fullBufferIsToldAndBufferSizeCounts() throws {
        func capacity(_ size: Int) throws -> Int {
            let pair = try MessageSocket.pair()
            try MessageSocket.setBufferSize(pair.first.raw, bytes: size)
            var sent = 0
            do throws(Errno) {
                while true {
                    try MessageSocket.send(on: pair.first.raw, [UInt8](repeating: 0, count: 1000), wait: false)
                    sent += 1
                }
            } catch { #expect(error == .wouldBlock) }
            return sent
        }
        let (small, large) = (try capacity(8192), try capacity(100_000))
        #expect(small > 0 && small < large)
    }

    @Test func listenerAcceptsWhoConnects() throws {
        let scratch = try ScratchDirectory()
        let path = scratch.path + "/socket"
        #expect(throws: Errno.noSuchFileOrDirectory) { _ = try MessageSocket.connect(path: path).raw }
        let listener = try MessageSocket.listen(path: path, mode: 0o640)
        #expect(try File.status(path).mode == 0o640)
        let nobody = try MessageSocket.accept(listener.raw) == nil
        #expect(nobody)
        let client = try MessageSocket.connect(path: path)
        guard let server = try MessageSocket.accept(listener.raw) else { throw Errno.timedOut }
        try MessageSocket.send(on: client.raw, [8], wait: false)
        #expect(try next(server.raw).0 == [8])
        #expect(try server.isCloseOnExec())
        #expect(throws: Errno.self) { _ = try MessageSocket.listen(path: scratch.path + String(repeating: "x", count: 200)).raw }
    }

    @Test func peerIsKnown() throws {
        let pair = try MessageSocket.pair()
        let peer = try PeerCredentials.of(pair.first.raw)
        #expect(peer == PeerCredentials(pid: CurrentProcess.pid, uid: CurrentProcess.uid, gid: CurrentProcess.gid))
        let detected = Features.detect(environment: [:])
        let certain = try PeerCredentials.processDescriptor(pair.first.raw)
        #expect(certain.source == (detected.peerProcessDescriptor ? .socket : .number))
        #expect(try !certain.process.hasExited())
        let byNumber = try PeerCredentials.processDescriptor(pair.first.raw, features: detected.without(.peerProcessDescriptor))
        #expect(byNumber.source == .number)
        let old = try FaultPlan(.peerProcessDescriptor, fails: Errno(rawValue: 92)).armed {
            try PeerCredentials.processDescriptor(pair.first.raw)
        }
        #expect(old.source == .number)
    }

    @Test func whatThePeerHasNotReadCounts() throws {
        let pair = try MessageSocket.pair()
        #expect(try MessageSocket.unread(pair.first.raw) == 0)
        try MessageSocket.send(on: pair.first.raw, [1, 2, 3], wait: true)
        #expect(try MessageSocket.unread(pair.first.raw) > 0)
        _ = try pair.second.readBytes(max: 8)
        #expect(try MessageSocket.unread(pair.first.raw) == 0)
    }
}
