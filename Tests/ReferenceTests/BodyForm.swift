import MasixMach
import MasixReferenceModel

/// Bodies as programs write and read them, in either form (spec/mach.md 4); independent of the library's own reading.
struct BodyForm {
    let form: Form
    let pieces: Pieces

    /// The bytes of these items, names as they stand, and the regions made for them with whether the sending is to free them.
    func bytes(_ items: [Item]) -> (body: [UInt8], regions: [(address: UInt64, isFreed: Bool)]) {
        var regions: [(address: UInt64, isFreed: Bool)] = []
        var body: [UInt8] = []
        func region(_ bytes: [UInt8], _ isFreed: Bool) -> UInt64 {
            guard !bytes.isEmpty, let address = pieces.place(bytes) else { return 0 }
            regions.append((address, isFreed))
            return address
        }
        if form == .xnu, items.contains(where: \.isComplex) { body.append(UInt32(items.count { $0.isComplex })) }
        for item in items {
            switch item {
            case .right(let name, let move): right(name, move, &body)
            case .rights(let names, let move, let isFreed):
                var content: [UInt8] = []
                for name in names { content.append(name) }
                rights(region(content, isFreed), names.count, move, isFreed, &body)
            case .memory(let byte, let count, let isFreed):
                memory(region(Array(repeating: byte, count: count), isFreed), count, isFreed, &body)
            case .words(let words):
                if form == .mach3 { body.append(2 | 32 << 8 | UInt32(words.count) << 16 | 1 << 28) }
                for word in words { body.append(word) }
            case .padding(let words):
                if form == .mach3 {
                    body.append(UInt32(1) << 28 | 1 << 29)
                    body.append(UInt32(2) | 32 << 16)
                    body.append(UInt32(words))
                }
                body += Array(repeating: 0, count: 4 * words)
            case .unknown:
                if form == .xnu {
                    body += [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17, 9]
                } else {
                    body.append(17 | 8 << 8 | UInt32(1) << 16 | 1 << 28)
                    body.append(UInt32(0))
                }
            case .overrun:
                if form == .mach3 { body.append(2 | 32 << 8 | UInt32(100) << 16 | 1 << 28) }
                body.append(UInt32(0))
            case .unreadable: memory(1, 8, false, &body)
            case .unreadableNames(let move): rights(1, 2, move, false, &body)
            }
        }
        return (body, regions)
    }

    private func right(_ name: Name, _ move: UInt32, _ body: inout [UInt8]) {
        if form == .xnu {
            body.append(name)
            body += [0, 0, 0, 0, 0, 0, UInt8(move), 0]
        } else {
            body.append(move | 32 << 8 | UInt32(1) << 16 | 1 << 28)
            body.append(name)
        }
    }

    private func rights(_ address: UInt64, _ count: Int, _ move: UInt32, _ isFreed: Bool, _ body: inout [UInt8]) {
        if form == .xnu {
            body += [0, 0, 0, 0, 0, 0, 0, 0, isFreed ? 1 : 0, 0, UInt8(move), 2]
            body.put(address, at: body.count - 12)
            body.append(UInt32(count))
        } else {
            body.append(move | 32 << 8 | UInt32(count) << 16 | (isFreed ? 1 << 30 : 0))
            body += [0, 0, 0, 0, 0, 0, 0, 0]
            body.put(address, at: body.count - 8)
        }
    }

    private func memory(_ address: UInt64, _ count: Int, _ isFreed: Bool, _ body: inout [UInt8]) {
        if form == .xnu {
            body += [0, 0, 0, 0, 0, 0, 0, 0, isFreed ? 1 : 0, 0, 0, 1]
            body.put(address, at: body.count - 12)
            body.append(UInt32(count))
            return
        }
        if count < 4096 {
            body.append(9 | 8 << 8 | UInt32(count) << 16 | (isFreed ? 1 << 30 : 0))
        } else {
            body.append(UInt32(1) << 29 | (isFreed ? 1 << 30 : 0))
            body.append(UInt32(9) | 8 << 16)
            body.append(UInt32(count))
        }
        body += [0, 0, 0, 0, 0, 0, 0, 0]
        body.put(address, at: body.count - 8)
    }

    // MARK: reading

    /// What has come, as the model would say it. Regions are freed.
    func values(_ body: [UInt8], isComplex: Bool, notification: UInt32?) -> [Value] {
        if let notification, notification != 69 { return told(body, notification) }
        return form == .xnu ? complex(body, isComplex) : typed(body)
    }

    private func told(_ body: [UInt8], _ id: UInt32) -> [Value] {
        if id == 71 { return body.isEmpty ? [] : [.text("a body")] }
        if form == .xnu {
            guard body.count == 12, Array(body[0..<8]) == [0, 0, 0, 0, 1, 0, 0, 0] else { return [.text("another body")] }
            return [.number(UInt64(body.word(at: 8)))]
        }
        guard body.count == 8, body.word(at: 0) == (id == 70 ? 2 : 15) | 32 << 8 | UInt32(1) << 16 | 1 << 28 else {
            return [.text("another body")]
        }
        return [.number(UInt64(body.word(at: 4)))]
    }

    private func complex(_ body: [UInt8], _ isComplex: Bool) -> [Value] {
        var values: [Value] = []
        var offset = 0
        if isComplex {
            guard body.count >= 4 else { return [.text("no body")] }
            offset = 4
            for _ in 0..<body.word(at: 0) {
                guard offset + 12 <= body.count else { return values + [.text("cut off")] }
                switch body[offset + 11] {
                case 0:
                    values += [.text("right"), .name(body.word(at: offset)), .number(UInt64(body[offset + 10]))]
                    offset += 12
                    continue
                case 1: values.append(region(body.long(at: offset), Int(body.word(at: offset + 12)), isOurs: body[offset + 8] == 1))
                case 2:
                    values += [.text("rights"), .number(UInt64(body[offset + 10]))]
                    values += names(body.long(at: offset), Int(body.word(at: offset + 12)))
                default: return values + [.text("unknown")]
                }
                offset += 16
            }
        }
        let words = stride(from: offset, to: body.count, by: 4).map { body.word(at: $0) }
        return words.isEmpty ? values : values + [show(words)]
    }

    private func typed(_ body: [UInt8]) -> [Value] {
        var values: [Value] = []
        var offset = 0
        while offset < body.count {
            let word = body.word(at: offset)
            let isLong = word >> 29 & 1 != 0
            let type = isLong ? body.word(at: offset + 4) & 0xFFFF : word & 0xFF
            let count = Int(isLong ? body.word(at: offset + 8) : word >> 16 & 0xFFF)
            offset += isLong ? 12 : 4
            if word >> 28 & 1 == 0 {
                let address = body.long(at: offset)
                offset += 8
                if Move.all.contains(type) {
                    values += [.text("rights"), .number(UInt64(type))] + names(address, count)
                } else {
                    values.append(region(address, count, isOurs: true))
                }
            } else if Move.all.contains(type) {
                values += [.text("right"), .name(body.word(at: offset)), .number(UInt64(type))]
                offset += 4
            } else {
                values.append(show((0..<count).map { body.word(at: offset + 4 * $0) }))
                offset += 4 * count
            }
        }
        return values
    }

    private func show(_ words: [UInt32]) -> Value {
        .text(words.count > 100 && words.allSatisfy { $0 == 0 } ? "words \(words.count) of 0" : "words \(words)")
    }

    private func region(_ address: UInt64, _ count: Int, isOurs: Bool) -> Value {
        guard count > 0 else { return .text("memory 0 of 0") }
        guard let bytes = pieces.remove(address), bytes.count == count, let first = bytes.first, bytes.allSatisfy({ $0 == first }) else {
            return .text("other memory")
        }
        return .text("memory \(count) of \(first)" + (isOurs ? "" : ", the sender's"))
    }

    private func names(_ address: UInt64, _ count: Int) -> [Value] {
        guard count > 0 else { return [] }
        guard let bytes = pieces.remove(address), bytes.count == 4 * count else { return [.text("other memory")] }
        return (0..<count).map { .name(bytes.word(at: 4 * $0)) }
    }
}
