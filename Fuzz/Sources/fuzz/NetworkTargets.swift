import MasixKernel
import MasixNetwork
import MasixWire

extension Target {
    private static let entries: [NodeRosterEntry] = [
        try? NodeRosterEntry(
            number: 1, name: "a", fingerprint: (0..<32).map { UInt8($0) }, host: "127.0.0.1", port: 7_117),
        try? NodeRosterEntry(
            number: 2, name: "b.c", fingerprint: [UInt8](repeating: 255, count: 32), host: "fe80::1", port: 65_535, epoch: 7,
            expires: 4_102_444_800),
    ].compactMap { $0 }

    /// The administrator's list of nodes.
    static let roster = Target(
        name: "roster", share: 30, longest: 1_024,
        seeds: {
            let text = "# nodes\n" + entries.map { "\($0)\n" }.joined(separator: "\n")
            return [Array(text.utf8), Array(text.dropLast().utf8)] + entries.map { Array("\($0)\n".utf8) }
        },
        feed: { bytes in
            let roster: NodeRoster
            do throws(NodeRosterError) { roster = try NodeRoster(text: bytes) } catch {
                require(!error.description.isEmpty, "a refusal without words")
                return
            }
            let ending: [UInt8] = bytes.last == 10 || bytes.isEmpty ? [] : [10]
            require(Array(roster.description.utf8) == bytes + ending, "another text comes back")
            for entry in roster.entries {
                require(roster[number: entry.number] == entry && roster[name: entry.name] == entry, "an entry that is not found")
                require(roster[fingerprint: entry.fingerprint] == entry, "a key that is not found")
                require(roster.removing(name: entry.name)?[number: entry.number] == nil, "an entry that stays")
            }
            for entry in entries {
                guard let more = try? roster.adding(entry) else { continue }
                require(more[number: entry.number] == entry, "an entry that is not added")
                require((try? NodeRoster(text: more.description)) == more, "a roster that is not read back")
            }
        })

    /// What other nodes say before they are heard.
    static let channel: Target = {
        let hello = ChannelHello(
            node: NodeID(number: 2, incarnation: 3), name: "b", software: "masix 1", start: 5,
            memory: ChannelMemory(life: ServerLife(incarnation: 2, start: 3), session: 4, received: 5, ended: 6))
        let own = ChannelHello(node: NodeID(number: 1, incarnation: 1), name: "a", software: "masix 1")
        return .decoders(
            "channel", share: 30, longest: 512,
            [
                .exact([hello]) { theirs in
                    let (there, here) = (try? own.agree(with: theirs), try? theirs.agree(with: own))
                    require(there == here, "two versions")
                    for entry in entries where entry.number != theirs.node.number {
                        require((try? own.agree(with: theirs, of: entry)) == nil, "a node under another's number")
                    }
                },
                .exact([
                    ChannelControl.hello(hello), .acceptance(ChannelAcceptance(serial: 9, session: 8)), .ping, .goodbye, .refusal(10),
                    .acknowledgement(5),
                ]) { control in
                    require((try? ChannelControl.read(control.wireBytes)) == control, "another control")
                    require(control.wireBytes.count <= ChannelControl.bytesMax, "a control that is too long")
                }, bodies,
            ])
    }()

    /// Bodies of a machine of the other byte order: the first two bytes say the format and the order.
    private static let bodies: Decoder = {
        // An integer of 64 bits and three out of line, and a region among descriptors.
        let typed: [UInt8] = [11, 64, 1, 0x10, 1, 2, 3, 4, 5, 6, 7, 8, 11, 64, 3, 0, 8, 0, 0, 0, 0, 0, 1, 0]
        let complex: [UInt8] = [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 5, 0, 0, 0, 77]
        let lengths: [UInt64] = [64, 1 << 20]
        return Decoder(
            seeds: [
                [BodyFormat.typedComplex.rawValue, ByteOrder.little.rawValue] + typed,
                [BodyFormat.complex.rawValue, ByteOrder.little.rawValue] + complex,
            ],
            feed: { bytes in
                guard bytes.count >= 2, let format = BodyFormat(rawValue: bytes[0] % 6), let order = ByteOrder(rawValue: bytes[1] % 2)
                else { return }
                let body = Array(bytes.dropFirst(2))
                guard let there = BodyConversion.convert(body, format, in: order, memory: lengths) else { return }
                require(there.bytes.count == body.count, "a body of another length")
                for run in there.runs { require(run.range.upperBound <= lengths[run.memory], "numbers outside of the memory") }
                let back = BodyConversion.convert(there.bytes, format, in: order.other, memory: lengths)
                require(back?.bytes == body && back?.runs == there.runs, "another body comes back")
            })
    }()
}
