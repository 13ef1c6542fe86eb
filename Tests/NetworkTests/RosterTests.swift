import Testing

@testable import MasixNetwork

@Suite struct RosterTests {
    static let print1 = "sha256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    static let print2 = "sha256:_____________________________________________".prefix(7 + 42) + "8"
    static let line1 = "node 1 a \(print1) 127.0.0.1:7117 epoch 1 expires never"
    static let line2 = "node 2 b.c-d_E \(print2) [fe80::1]:65535 epoch 18446744073709551615 expires 4102444800"

    @Test func anEntryIsReadAndPrintedBack() throws {
        let first = try NodeRosterEntry(line: Self.line1)
        #expect(first.number == 1 && first.name == "a" && first.host == "127.0.0.1" && first.port == 7117 && first.epoch == 1)
        #expect(first.fingerprint == (0..<32).map { UInt8($0) } && first.expires == nil)
        #expect(first.description == Self.line1)
        let second = try NodeRosterEntry(line: Self.line2)
        #expect(second.host == "fe80::1" && second.port == 65_535 && second.epoch == .max && second.expires == 4_102_444_800)
        #expect(second.fingerprint == [UInt8](repeating: 255, count: 32))
        #expect(second.description == Self.line2)
        #expect(second.isLive(at: 4_102_444_799) && !second.isLive(at: 4_102_444_800) && first.isLive(at: .max))
    }

    @Test func aRosterIsReadAndPrintedBack() throws {
        let text = "# ours\n\(Self.line1)\n\n#\n\(Self.line2)\n# the end\n"
        let roster = try NodeRoster(text: text)
        #expect(roster.description == text)
        #expect(roster.entries.map(\.number) == [1, 2])
        #expect(try NodeRoster(text: String(text.dropLast())).description == text)
        #expect(try NodeRoster(text: "").description.isEmpty)
        #expect(roster[number: 2]?.name == "b.c-d_E" && roster[number: 3] == nil)
        #expect(roster[name: "a"]?.number == 1 && roster[name: "b"] == nil)
        #expect(roster[fingerprint: (0..<32).map { UInt8($0) }]?.number == 1 && roster[fingerprint: []] == nil)
    }

    /// Each is a line that is wrong in one place.
    @Test(arguments: [
        ("nod 1 a \(print1) h:1 epoch 1 expires never", NodeRosterFault.line),
        ("node 1 a \(print1) h:1 epoch 1 expires", .line), ("node 1 a \(print1) h:1 epoch 1 expires never ", .line),
        (" node 1 a \(print1) h:1 epoch 1 expires never", .line), ("node  1 a \(print1) h:1 epoch 1 expires never", .line),
        ("node 1 a \(print1) h:1 epoch 1 expires never # mine", .line), ("node 1 a \(print1) h:1 1 epoch expires never", .line),
        ("node 1 a \(print1) h:1 epoch 1 until never", .line), ("node", .line), (" ", .line),
        ("node 1 a \(print1) \(String(repeating: "h", count: 600)):1 epoch 1 expires never", .line),
        ("node 0 a \(print1) h:1 epoch 1 expires never", .number), ("node 01 a \(print1) h:1 epoch 1 expires never", .number),
        ("node +1 a \(print1) h:1 epoch 1 expires never", .number), ("node -1 a \(print1) h:1 epoch 1 expires never", .number),
        ("node 4294967296 a \(print1) h:1 epoch 1 expires never", .number), ("node 0x1 a \(print1) h:1 epoch 1 expires never", .number),
        ("node 1 a/b \(print1) h:1 epoch 1 expires never", .name), ("node 1 \u{e9} \(print1) h:1 epoch 1 expires never", .name),
        ("node 1 \(String(repeating: "n", count: 64)) \(print1) h:1 epoch 1 expires never", .name),
        ("node 1 a sha256:AAEC h:1 epoch 1 expires never", .fingerprint), ("node 1 a \(print1)= h:1 epoch 1 expires never", .fingerprint),
        ("node 1 a \(print1)A h:1 epoch 1 expires never", .fingerprint), ("node 1 a sha1\(print1) h:1 epoch 1 expires never", .fingerprint),
        // The two bits that no byte needs are not zero.
        ("node 1 a \(print1.dropLast())9 h:1 epoch 1 expires never", .fingerprint),
        ("node 1 a \(print1.dropLast())+ h:1 epoch 1 expires never", .fingerprint),
        ("node 1 a \(print1) h epoch 1 expires never", .address), ("node 1 a \(print1) :1 epoch 1 expires never", .address),
        ("node 1 a \(print1) fe80::1:1 epoch 1 expires never", .address), ("node 1 a \(print1) [h]:1 epoch 1 expires never", .address),
        ("node 1 a \(print1) [fe80::1:1 epoch 1 expires never", .address), ("node 1 a \(print1) [::g]:1 epoch 1 expires never", .address),
        ("node 1 a \(print1) -h:1 epoch 1 expires never", .address), ("node 1 a \(print1) h_h:1 epoch 1 expires never", .address),
        ("node 1 a \(print1) []:1 epoch 1 expires never", .address),
        ("node 1 a \(print1) h:0 epoch 1 expires never", .port), ("node 1 a \(print1) h:65536 epoch 1 expires never", .port),
        ("node 1 a \(print1) h: epoch 1 expires never", .port), ("node 1 a \(print1) h:080 epoch 1 expires never", .port),
        ("node 1 a \(print1) [fe80::1] epoch 1 expires never", .port),
        ("node 1 a \(print1) h:1 epoch -1 expires never", .epoch),
        ("node 1 a \(print1) h:1 epoch 18446744073709551616 expires never", .epoch),
        ("node 1 a \(print1) h:1 epoch 1 expires soon", .expires), ("node 1 a \(print1) h:1 epoch 1 expires Never", .expires),
        ("node 1 a \(print1) h:1\tepoch 1 expires never", .notText), ("# a remark\r", .notText), ("# \u{7f}", .notText),
        (line1, .sameNumber(1)), ("node 3 a \(print2) h:1 epoch 1 expires never", .sameName("a")),
        ("node 3 b \(print1) h:1 epoch 1 expires never", .sameFingerprint(other: "a")),
    ])
    func aWrongLineIsNamed(_ line: String, _ fault: NodeRosterFault) {
        let text = "# one\n\(Self.line1)\n\(line)\n"
        #expect(throws: NodeRosterError(line: 3, fault: fault)) { try NodeRoster(text: text) }
        #expect(!fault.description.isEmpty)
    }

    @Test func whatIsNotTextIsNamed() {
        #expect(throws: NodeRosterError(line: 2, fault: .notText)) { try NodeRoster(text: Array("#\n# ".utf8) + [0xFF]) }
        #expect(throws: NodeRosterError(line: 1, fault: .notText)) { try NodeRoster(text: [0, 10]) }
        #expect("\(NodeRosterError(line: 2, fault: .port))" == "line 2: a port is 1 to 65535, in digits without leading zeros")
    }

    @Test func aRosterIsBounded() throws {
        #expect(throws: NodeRosterError(line: 0, fault: .tooLong)) { try NodeRoster(text: [UInt8](repeating: 35, count: (1 << 20) + 1)) }
        let entries = try (1...1_025).map { try Self.entry(UInt32($0)) }
        let full = try NodeRoster(Array(entries.dropLast()))
        #expect(try NodeRoster(text: full.description) == full)
        #expect(throws: NodeRosterFault.tooManyNodes) { try NodeRoster(entries) }
        #expect(throws: NodeRosterFault.tooManyNodes) { try full.adding(entries[1_024]) }
        // Remarks count too.
        let remarks = try NodeRoster(text: [UInt8](repeating: 10, count: 1 << 20))
        #expect(throws: NodeRosterFault.tooLong) { try remarks.adding(entries[0]) }
    }

    private static func entry(_ number: UInt32, name: String? = nil, key: UInt32? = nil, epoch: UInt64 = 1) throws -> NodeRosterEntry {
        let key = key ?? number
        let fingerprint = [UInt8](repeating: 0, count: 28) + (0..<4).map { UInt8(truncatingIfNeeded: key >> (8 * $0)) }
        return try NodeRosterEntry(number: number, name: name ?? "n\(number)", fingerprint: fingerprint, host: "h", port: 1, epoch: epoch)
    }

    @Test func anEntryIsReplacedByAHigherEpochOnly() throws {
        let roster = try NodeRoster(text: "# x\n\(Self.entry(1))\n# y\n\(Self.entry(2))\n")
        let newer = try roster.adding(Self.entry(1, name: "new", key: 9, epoch: 2))
        #expect(newer.description == "# x\n\(try Self.entry(1, name: "new", key: 9, epoch: 2))\n# y\n\(try Self.entry(2))\n")
        #expect(newer[name: "n1"] == nil && newer[name: "new"]?.epoch == 2)
        #expect(throws: NodeRosterFault.epochNotHigher(than: 2)) { try newer.adding(Self.entry(1, epoch: 2)) }
        #expect(throws: NodeRosterFault.epochNotHigher(than: 2)) { try newer.adding(Self.entry(1, epoch: 1)) }
        #expect(throws: NodeRosterFault.sameName("n2")) { try roster.adding(Self.entry(1, name: "n2", epoch: 2)) }
        #expect(throws: NodeRosterFault.sameFingerprint(other: "n2")) { try roster.adding(Self.entry(1, key: 2, epoch: 2)) }
        #expect(throws: NodeRosterFault.sameName("n2")) { try roster.adding(Self.entry(3, name: "n2")) }
        #expect(try roster.adding(Self.entry(3)).entries.map(\.number) == [1, 2, 3])
    }

    @Test func anEntryIsRemovedByName() throws {
        let roster = try NodeRoster(text: "# x\n\(Self.entry(1))\n# y\n\(Self.entry(2))\n")
        #expect(roster.removing(name: "n1")?.description == "# x\n# y\n\(try Self.entry(2))\n")
        #expect(roster.removing(name: "n3") == nil)
    }

    @Test func addressesAreTakenApart() throws {
        #expect(try NodeRosterEntry.address("[::1]:0", zeroPort: true) == ("::1", 0))
        #expect(try NodeRosterEntry.address("a-b.example:80") == ("a-b.example", 80))
        #expect(throws: NodeRosterFault.port) { try NodeRosterEntry.address("h:0") }
        #expect(throws: NodeRosterFault.address) { try NodeRosterEntry.address("7117") }
    }
}
