import MasixKernel
import MasixNetwork
import MasixWire
import Testing

@Suite struct HelloTests {
    private static func hello(_ lowest: UInt16, _ highest: UInt16, node: UInt32 = 1) throws -> ChannelHello {
        let versions = try #require(ChannelVersions(lowest: lowest, highest: highest))
        return ChannelHello(versions: versions, node: NodeID(number: node, incarnation: 4), name: "n", software: "masix 1")
    }

    private static func entry(_ number: UInt32) throws -> NodeRosterEntry {
        try NodeRosterEntry(number: number, name: "n", fingerprint: [UInt8](repeating: 1, count: 32), host: "h", port: 1)
    }

    @Test func everyPairOfRangesAgreesAlikeOrNamesTheSide() throws {
        let ranges = (1...4).flatMap { lowest in (lowest...4).map { (UInt16(lowest), UInt16($0)) } }
        for ours in ranges {
            for theirs in ranges {
                let (left, right) = (try Self.hello(ours.0, ours.1), try Self.hello(theirs.0, theirs.1, node: 2))
                let common = Set(ours.0...ours.1).intersection(theirs.0...theirs.1).max()
                if let common {
                    #expect(try left.agree(with: right) == common)
                    #expect(try right.agree(with: left) == common)
                } else if ours.1 < theirs.0 {
                    #expect(throws: ChannelRefusal.peerTooNew(ours: left.versions, theirs: right.versions)) { try left.agree(with: right) }
                    #expect(throws: ChannelRefusal.peerTooOld(ours: right.versions, theirs: left.versions)) { try right.agree(with: left) }
                } else {
                    #expect(throws: ChannelRefusal.peerTooOld(ours: left.versions, theirs: right.versions)) { try left.agree(with: right) }
                }
            }
        }
    }

    @Test func theWordsSayWhichSideMustBeUpgraded() throws {
        let (old, new) = (try Self.hello(1, 2), try Self.hello(3, 3))
        #expect(throws: ChannelRefusal.self) { try old.agree(with: new) }
        #expect(
            ChannelRefusal.peerTooNew(ours: old.versions, theirs: new.versions).description
                == "it speaks versions 3, we speak 1 to 2: this side must be upgraded")
        #expect(
            ChannelRefusal.peerTooOld(ours: new.versions, theirs: old.versions).description
                == "it speaks versions 1 to 2, we speak 3: the other side must be upgraded")
    }

    @Test func theNumberIsThatOfTheKey() throws {
        let (ours, theirs) = (try Self.hello(1, 1), try Self.hello(1, 1, node: 2))
        #expect(try ours.agree(with: theirs, of: Self.entry(2)) == 1)
        #expect(throws: ChannelRefusal.wrongNumber(claimed: 2, rosterSays: 3)) { try ours.agree(with: theirs, of: Self.entry(3)) }
        #expect(throws: ChannelRefusal.ownKey) { try ours.agree(with: ours, of: Self.entry(1)) }
    }

    @Test func aHelloIsReadBack() throws {
        let hello = ChannelHello(
            node: NodeID(number: 9, incarnation: 3), name: "b", software: "masix 0.1.0", start: 5,
            memory: ChannelMemory(life: ServerLife(incarnation: 2, start: 3), session: 4, received: 5, ended: 77))
        #expect(try ChannelHello(wireBytes: hello.wireBytes) == hello)
        for count in 0..<hello.wireBytes.count {
            #expect(throws: WireError.self) { try ChannelHello(wireBytes: Array(hello.wireBytes.prefix(count))) }
        }
        #expect(throws: WireError.trailingBytes(count: 1)) { try ChannelHello(wireBytes: hello.wireBytes + [0]) }
    }

    @Test func aNodeOfTheFirstVersionIsRefusedInWords() throws {
        let versions = try #require(ChannelVersions(lowest: 1, highest: 1))
        let first = ChannelHello(versions: versions, node: NodeID(number: 9, incarnation: 3), name: "b", software: "s")
        let now = ChannelHello(node: NodeID(number: 1, incarnation: 1), name: "a", software: "s")
        #expect(throws: ChannelRefusal.peerTooOld(ours: .current, theirs: first.versions)) { try now.agree(with: first) }
        #expect(throws: ChannelRefusal.peerTooNew(ours: first.versions, theirs: .current)) { try first.agree(with: now) }
        #expect(
            ChannelRefusal.peerTooOld(ours: .current, theirs: first.versions).description
                == "it speaks versions 1, we speak \(ChannelVersions.current): the other side must be upgraded")
    }

    @Test func aHelloThatLiesIsRefused() throws {
        func refuses(_ field: StaticName, _ change: (inout [UInt8]) -> Void, _ location: SourceLocation = #_sourceLocation) throws {
            var bytes = ChannelHello(node: NodeID(number: 9, incarnation: 3), name: "b", software: "s").wireBytes
            change(&bytes)
            #expect(throws: WireError.malformed(field: field), sourceLocation: location) { try ChannelHello(wireBytes: bytes) }
        }
        try refuses("magic") { $0[0] = 0 }
        try refuses("versions") { $0[8] = UInt8(ChannelVersions.current.highest) + 1 }
        try refuses("node") { $0[12] = 0 }
        try refuses("name") { $0[24] = UInt8(ascii: "/") }
        try refuses("software") { $0[29] = 10 }
        let long = ChannelHello(node: NodeID(number: 9, incarnation: 3), name: String(repeating: "n", count: 64), software: "s")
        #expect(throws: WireError.tooLarge(field: "name", value: 64, limit: 63)) { try ChannelHello(wireBytes: long.wireBytes) }
        #expect(ChannelVersions(lowest: 2, highest: 1) == nil)
    }

    @Test func controlsAreReadBack() throws {
        let hello = ChannelHello(
            node: NodeID(number: .max, incarnation: .max), name: String(repeating: "n", count: 63),
            software: String(repeating: "s", count: 63),
            start: .max,
            memory: ChannelMemory(life: ServerLife(incarnation: .max, start: .max), session: .max, received: .max, ended: .max))
        let acceptance = ChannelAcceptance(serial: .max, session: 1, received: 2, skipped: 3)
        for control in [ChannelControl.hello(hello), .acceptance(acceptance), .ping, .goodbye, .refusal(7), .acknowledgement(8)] {
            #expect(try ChannelControl.read(control.wireBytes) == control)
            #expect(control.wireBytes.count <= ChannelControl.bytesMax)
        }
        #expect(throws: ChannelRefusal.unknownControl(200)) { try ChannelControl.read([200]) }
        #expect(throws: ChannelRefusal.malformedHello) { try ChannelControl.read([1, 2]) }
        #expect(throws: ChannelRefusal.malformedControl) { try ChannelControl.read([3, 0]) }
        #expect(throws: ChannelRefusal.malformedControl) { try ChannelControl.read([]) }
    }

    @Test func everyKindOfRefusalHasWords() throws {
        let versions = ChannelVersions.current
        let all: [ChannelRefusal] = [
            .unknownKey(fingerprint: "f"), .wrongKey(expected: 1, fingerprint: "f"), .expired(number: 1), .certificateCount(2),
            .unreadableCertificate, .handshake("w"), .applicationProtocol, .wrongNumber(claimed: 1, rosterSays: 2), .ownKey,
            .peerTooOld(ours: versions, theirs: versions), .peerTooNew(ours: versions, theirs: versions), .staleIncarnation(1, latest: 2),
            .duplicate, .tooLarge(length: 2, limit: 1), .emptyFrame, .malformedHello, .malformedControl, .unknownControl(9),
            .frameBeforeHello, .secondHello, .unexpectedAcceptance, .timedOut, .tooManyConnections, .addressTooFast, .notInRoster, .overrun,
            .protocolViolation("x"), .staleLife, .deadSession, .impossibleResumption, .miscountedFrames,
        ]
        #expect(all.map(\.kind) == ChannelRefusal.Kind.allCases)
        #expect(Set(all.map(\.description)).count == all.count)
        #expect(ChannelRefusal.Kind.allCases.map(\.rawValue) == (1...31).map { UInt8($0) })
    }
}
