import MasixWire

extension Task: WireCodable {
    func encode(into writer: inout WireWriter) {
        writer.write(id)
        writer.write(identity)
        writer.write(optional: chief)
        writer.write(isFirst)
        writer.write(table: sends) { $0.write($1) }
        writer.write(table: receives) { $0.write($1) }
        writer.write(set: sendOnces)
        writer.write(sendIndexes)
        writer.write(receiveIndexes)
        writer.write(takeIndexes)
        writer.write(linkPlaces)
        writer.write(table: links) { $0.write($1) }
        writer.write(set: tickets)
        writer.write(count: portBlocks.count)
        for block in portBlocks {
            writer.write(block.first)
            writer.write(count: block.used.count)
            for word in block.used { writer.write(word) }
        }
        writer.write(table: linkFaults) { $0.write(count: $1) }
        writer.write(isTraced)
        writer.write(lastRequest)
        writer.write(count: charge.bytes)
        writer.write(count: charge.messages)
        writer.write(count: charge.memory)
    }

    convenience init(from reader: inout WireReader) throws(WireError) {
        let id: TaskID = try reader.read()
        let identity: TaskIdentity = try reader.read()
        let chief: TaskID? = try reader.readOptional()
        let isFirst = try reader.readBool()
        let sends: [PortID: SendEntry] = try reader.readTable(field: "send rights") { (reader) throws(WireError) in try reader.read() }
        let receives: [PortID: UInt32] = try reader.readTable(field: "receive rights") { (reader) throws(WireError) in try reader.read() }
        let sendOnces: Set<SendOnceID> = try reader.readSet(field: "send-once rights of a task")
        self.init(
            id: id, identity: identity, chief: chief, isFirst: isFirst, sendIndexes: try reader.read(),
            receiveIndexes: try reader.read(), takeIndexes: try reader.read(), linkPlaces: try reader.read())
        self.sends = sends
        self.receives = receives
        self.sendOnces = sendOnces
        links = try reader.readTable(field: "links of a task") { (reader) throws(WireError) in try reader.read() }
        tickets = try reader.readSet(field: "tickets of a task")
        for _ in 0..<(try reader.readSize(field: "port blocks")) {
            let first: UInt64 = try reader.read()
            let count = try reader.readSize(field: "used ports")
            guard count <= PortBlock.wordsMax else { throw .malformed(field: "used ports") }
            var used: [UInt64] = []
            for _ in 0..<count { used.append(try reader.read()) }
            portBlocks.append(PortBlock(first: first, used: used))
        }
        linkFaults = try reader.readTable(field: "link faults") { (reader) throws(WireError) in try reader.readNumber(field: "faults") }
        isTraced = try reader.readBool()
        lastRequest = try reader.read()
        charge = Charge(
            bytes: try reader.readNumber(field: "charge"), messages: try reader.readNumber(field: "charge"),
            memory: try reader.readNumber(field: "charge"))
    }
}

extension SendEntry: WireCodable {
    func encode(into writer: inout WireWriter) {
        writer.write(index)
        // An earlier nucleus of this version wrote no 2.
        writer.write(UInt8(isDead ? wasTold ? 2 : 1 : 0))
        writer.write(optional: lease)
    }

    init(from reader: inout WireReader) throws(WireError) {
        let index: UInt32 = try reader.read()
        let death: UInt8 = try reader.read()
        guard death <= 2 else { throw .unknownCase(of: "death", tag: UInt64(death)) }
        self.init(index: index, isDead: death > 0, wasTold: death == 2, lease: try reader.readOptional())
    }
}

extension IndexPool: WireCodable {
    func encode(into writer: inout WireWriter) {
        writer.write(count: limit)
        writer.write(next)
        writer.write(count: free.count)
        for index in free { writer.write(index) }
    }

    init(from reader: inout WireReader) throws(WireError) {
        self.init(limit: try reader.readNumber(field: "index limit"))
        next = try reader.read()
        for _ in 0..<(try reader.readSize(field: "free indexes")) { free.append(try reader.read()) }
    }
}

extension SendOnce: WireCodable {
    func encode(into writer: inout WireWriter) {
        writer.write(optional: port)
        switch holder {
        case .task(let task):
            writer.write(UInt8(1))
            writer.write(task)
        case .transit: writer.write(UInt8(2))
        case .request: writer.write(UInt8(3))
        }
    }

    init(from reader: inout WireReader) throws(WireError) {
        port = try reader.readOptional()
        switch try reader.read(UInt8.self) {
        case 1: holder = .task(try reader.read())
        case 2: holder = .transit
        case 3: holder = .request
        case let tag: throw .unknownCase(of: "holder", tag: UInt64(tag))
        }
    }
}
