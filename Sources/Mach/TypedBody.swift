import Masix

/// The body of a message of Mach 3: items, each behind the words that say of what type it is (spec/mach.md 4).
///
/// ```
/// u32      name:8 size:8 number:12 inline:1 long:1 deallocate:1 unused:1, from the lowest bit; sizes in bits
/// if long  name u16, size u16, number u32 in the place of the three
/// data     inline: the elements, to a multiple of 4; else an address of 8 bytes
/// ```
/// On its way it is the same with names 0 and, for addresses, the place of the region among the message's memory (`Cargo`).
struct TypedBody {
    private struct Item {
        var name: UInt32
        var bits: UInt32
        var number: Int
        let isInline: Bool
        let isLong: Bool
        let deallocates: Bool
        /// Of the type word, and of the data.
        let offset: Int
        let data: Int

        var bytes: Int { (number * Int(bits) + 7) / 8 }
        var end: Int { data + (isInline ? bytes.rounded : 8) }
        var isRight: Bool { (16...21).contains(name) }
    }

    private static func item(at offset: Int, in body: [UInt8]) throws(MachReturn) -> Item {
        guard offset + 4 <= body.count else { throw MachReturn.Send.messageTooSmall }
        let word = body.word(at: offset)
        let isLong = word >> 29 & 1 != 0
        guard word >> 31 == 0 else { throw MachReturn.Send.invalidType }
        if isLong {
            guard offset + 12 <= body.count else { throw MachReturn.Send.messageTooSmall }
            guard word & 0x0FFF_FFFF == 0 else { throw MachReturn.Send.invalidType }
        }
        let sizes = isLong ? body.word(at: offset + 4) : 0
        let item = Item(
            name: isLong ? sizes & 0xFFFF : word & 0xFF, bits: isLong ? sizes >> 16 : word >> 8 & 0xFF,
            number: Int(isLong ? body.word(at: offset + 8) : word >> 16 & 0xFFF), isInline: word >> 28 & 1 != 0, isLong: isLong,
            deallocates: word >> 30 & 1 != 0, offset: offset, data: offset + (isLong ? 12 : 4))
        guard !item.isRight || item.bits == 32, !(item.isInline && item.deallocates) else { throw MachReturn.Send.invalidType }
        guard item.end <= body.count else { throw MachReturn.Send.messageTooSmall }
        return item
    }

    private static func rename(_ item: Item, to name: UInt32, in body: inout [UInt8]) {
        if item.isLong {
            body.put(body.word(at: item.offset + 4) & 0xFFFF_0000 | name, at: item.offset + 4)
        } else {
            body.put(body.word(at: item.offset) & 0xFFFF_FF00 | name, at: item.offset)
        }
    }

    /// V7: what could not be had is nothing, and has no size.
    private static func empty(_ item: Item, in body: inout [UInt8]) {
        if item.isLong {
            body.put(body.word(at: item.offset + 4) & 0x0000_FFFF, at: item.offset + 4)
        } else {
            body.put(body.word(at: item.offset) & 0xFFFF_00FF, at: item.offset)
        }
    }

    /// Takes what the items name. With an error, what was taken is in `cargo` (S3).
    static func load(_ body: inout [UInt8], into cargo: inout Cargo, of task: MachTask) throws(MachReturn) {
        var offset = 0
        while offset < body.count {
            let item = try item(at: offset, in: body)
            offset = item.end
            if item.isRight {
                guard let disposition = Disposition(rawValue: item.name) else { throw MachReturn.Send.invalidType }
                if item.isInline {
                    for place in 0..<item.number {
                        cargo.rights.append(try task.takeForBody(body.word(at: item.data + 4 * place), disposition))
                        body.put(UInt32(0), at: item.data + 4 * place)
                    }
                } else {
                    try task.takeArray(body.long(at: item.data), item.number, disposition, moving: item.deallocates, into: &cargo)
                    body.put(UInt64(0), at: item.data)
                }
                rename(item, to: disposition.arrived, in: &body)
            } else if !item.isInline {
                let place = try cargo.take(body.long(at: item.data), item.bytes, moving: item.deallocates, from: task)
                body.put(place, at: item.data)
            }
        }
    }

    /// Gives names and addresses to what has come. False: the body is not one, or not of this freight.
    static func unload(_ body: inout [UInt8], _ freight: inout Freight, to task: MachTask) -> Bool {
        var offset = 0
        while offset < body.count {
            guard let item = try? item(at: offset, in: body) else { return false }
            offset = item.end
            if item.isRight {
                if item.isInline {
                    var type: UInt32?
                    for place in 0..<item.number {
                        guard let (name, found) = freight.name(in: task) else { return false }
                        body.put(name, at: item.data + 4 * place)
                        type = type ?? found
                    }
                    if let type { rename(item, to: type, in: &body) }
                } else {
                    guard let address = task.placeArray(item.number, &freight) else { return false }
                    body.put(address, at: item.data)
                    if address == 0, item.number > 0 { empty(item, in: &body) }
                }
            } else if !item.isInline {
                let address = freight.region(body.long(at: item.data), item.bytes, in: task)
                body.put(address, at: item.data)
                if address == 0, item.number > 0 { empty(item, in: &body) }
            }
        }
        return true
    }

    /// One item of a message to the task's own port.
    enum Argument {
        case words([UInt32])
        case right(OwnedRight)
    }

    /// The items of a body, each with its rights; nil if it is none, or not of these. What lies out of line is looked up in `memory`.
    static func arguments(_ body: [UInt8], _ rights: [OwnedRight], memory: [MemoryObject?] = []) -> [Argument]? {
        var rights = rights[...]
        var list: [Argument] = []
        var offset = 0
        while offset < body.count {
            guard let item = try? item(at: offset, in: body) else { return nil }
            offset = item.end
            guard item.isInline else {
                guard !item.isRight, item.bits == 32, let words = words(item, in: body, memory) else { return nil }
                list.append(.words(words))
                continue
            }
            if item.isRight {
                for _ in 0..<item.number {
                    guard let right = rights.popFirst() else { return nil }
                    list.append(.right(right))
                }
            } else {
                guard item.bits == 32 else { return nil }
                list.append(.words((0..<item.number).map { body.word(at: item.data + 4 * $0) }))
            }
        }
        return list
    }

    /// The numbers of an item out of line: the region that small ones share.
    private static func words(_ item: Item, in body: [UInt8], _ memory: [MemoryObject?]) -> [UInt32]? {
        guard item.number > 0 else { return [] }
        let offset = Int(body.long(at: item.data) & 0xFFFF_FFFF_FFFF)
        guard let object = memory.last ?? nil, item.number <= object.count / 4, offset <= object.count - 4 * item.number,
            let bytes = try? object.bytes(in: offset..<(offset + 4 * item.number))
        else { return nil }
        return (0..<item.number).map { bytes.word(at: 4 * $0) }
    }

    // MARK: bodies of our own

    /// Numbers of one type, inline.
    static func words(_ words: [UInt32], of type: UInt32 = 2) -> [UInt8] {
        var body: [UInt8] = []
        body.append(word(type, bits: 32, number: words.count))
        for word in words { body.append(word) }
        return body
    }

    /// Numbers of one type, out of line: the receiver's to free.
    static func region(_ words: [UInt32], of type: UInt32, _ cargo: inout Cargo) -> [UInt8] {
        var content: [UInt8] = []
        for word in words { content.append(word) }
        var body: [UInt8] = []
        body.append(UInt32(1) << 29 | 1 << 30)
        body.append(type | 32 << 16)
        body.append(UInt32(words.count))
        body += [0, 0, 0, 0, 0, 0, 0, 0]
        body.put(cargo.add(content), at: body.count - 8)
        return body
    }

    private static func word(_ name: UInt32, bits: UInt32, number: Int = 1, isInline: Bool = true) -> UInt32 {
        name | bits << 8 | UInt32(number) << 16 | (isInline ? 1 << 28 : 0)
    }

    /// One name, which is a number to whoever gets it.
    static func name(_ name: PortName) -> [UInt8] {
        var body: [UInt8] = []
        body.append(word(15, bits: 32))
        body.append(name)
        return body
    }

    static func number(_ number: UInt32) -> [UInt8] {
        var body: [UInt8] = []
        body.append(word(2, bits: 32))
        body.append(number)
        return body
    }

    static func right(_ type: UInt32) -> [UInt8] {
        var body: [UInt8] = []
        body.append(word(type, bits: 32))
        body.append(UInt32(0))
        return body
    }

    /// The body of a message whose rights and memory stand beside plain bytes.
    static func around(_ bytes: [UInt8], rights: [OwnedRight], memory: [MemoryObject?]) -> [UInt8] {
        var body: [UInt8] = []
        for right in rights {
            switch right {
            case .receive: body += self.right(16)
            case .sendOnce: body += self.right(18)
            case .send, .null, .dead, .make, .makeOnce: body += self.right(17)
            }
        }
        for (number, object) in memory.enumerated() {
            body.append(UInt32(1) << 29)
            body.append(UInt32(9) | 8 << 16)
            body.append(UInt32(clamping: object?.count ?? 0))
            let start = body.count
            body += [0, 0, 0, 0, 0, 0, 0, 0]
            body.put(UInt64(number) << 48, at: start)
        }
        guard !bytes.isEmpty else { return body }
        body.append(UInt32(1) << 29 | 1 << 28)
        body.append(UInt32(9) | 8 << 16)
        body.append(UInt32(bytes.count))
        body += bytes
        body += Array(repeating: 0, count: bytes.count.rounded - bytes.count)
        return body
    }
}
