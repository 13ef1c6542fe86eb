public import MasixWire

extension Lease: WireCodable {
    public func encode(into writer: inout WireWriter) {
        writer.write(id)
        writer.write(link)
        writer.write(sender)
        writer.write(receiver)
        writer.write(port)
        writer.write(sendIndex)
        writer.write(linkPlace)
        writer.write(UInt8(senderHalf))
        writer.write(takeIndex)
        writer.write(receiveIndex)
        writer.write(firstSlot)
        writer.write(slots)
        writer.write(window)
        writer.write(after)
        writer.write(isWhole)
        writer.write(keepsRoom)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        id = try reader.read()
        link = try reader.read()
        sender = try reader.read()
        receiver = try reader.read()
        port = try reader.read()
        sendIndex = try reader.read()
        linkPlace = try reader.read()
        senderHalf = try reader.readBool() ? 1 : 0
        takeIndex = try reader.read()
        receiveIndex = try reader.read()
        firstSlot = try reader.read()
        slots = try reader.read()
        window = try reader.read()
        after = try reader.read()
        isWhole = try reader.readBool()
        keepsRoom = try reader.readBool()
    }
}

extension Link: WireCodable {
    public func encode(into writer: inout WireWriter) {
        writer.write(id)
        writer.write(node)
        writer.write(first)
        writer.write(second)
        for place in places { writer.write(place) }
        for half in 0..<2 {
            writer.write(mapped[half])
            writer.write(list: lent[half].lent.map(SlotRange.init))
        }
        writer.write(set: leases)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        id = try reader.read()
        node = try reader.read()
        first = try reader.read()
        second = try reader.read()
        places = [try reader.read(), try reader.read()]
        for half in 0..<2 {
            mapped[half] = try reader.readBool()
            let ranges: [SlotRange] = try reader.readList(limit: Limits.slotsPerDirection, field: "slots")
            lent[half] = SlotRanges(lent: ranges.map(\.range))
        }
        leases = try reader.readSet(field: "leases of a link")
    }
}

/// Slots of a half, first and number.
private struct SlotRange: WireCodable {
    let range: Range<Int>

    init(_ range: Range<Int>) { self.range = range }

    func encode(into writer: inout WireWriter) {
        writer.write(UInt16(range.lowerBound))
        writer.write(UInt16(range.count))
    }

    init(from reader: inout WireReader) throws(WireError) {
        let start = Int(try reader.read(UInt16.self))
        range = start..<(start + Int(try reader.read(UInt16.self)))
    }
}
