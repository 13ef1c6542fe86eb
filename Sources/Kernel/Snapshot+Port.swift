import DequeModule
import MasixWire

extension Port: WireCodable {
    func encode(into writer: inout WireWriter) {
        writer.write(id)
        switch receiver {
        case .task(let task):
            writer.write(UInt8(1))
            writer.write(task)
        case .transit(let message):
            writer.write(UInt8(2))
            writer.write(message)
        }
        writer.write(count: queueLimit)
        writer.write(makeSendCount)
        writer.write(set: senders)
        writer.write(count: sendsInTransit)
        writer.write(set: sendOnces)
        writer.write(count: queue.count)
        for message in queue { writer.write(message) }
        writer.write(count: blocked.count)
        for send in blocked {
            writer.write(send.ticket)
            writer.write(send.completion)
            writer.write(send.message)
        }
        writer.write(set: Set(leases))
        writer.write(grown)
        writer.write(received)
        writer.write(count: leased)
        writer.write(keepsRoom)
        writer.write(count: held)
        writer.write(set: candidates)
        writer.write(set: applicants)
        writer.write(optional: noSenders)
        writer.write(optional: portDestroyed)
        writer.write(table: deadNames) { $0.write($1) }
    }

    convenience init(from reader: inout WireReader) throws(WireError) {
        let id: PortID = try reader.read()
        let receiver: Receiver
        switch try reader.read(UInt8.self) {
        case 1: receiver = .task(try reader.read())
        case 2: receiver = .transit(try reader.read())
        case let tag: throw .unknownCase(of: "receiver", tag: UInt64(tag))
        }
        self.init(id: id, receiver: receiver, queueLimit: try reader.readNumber(field: "queue limit"))
        makeSendCount = try reader.read()
        senders = try reader.readSet(field: "senders")
        sendsInTransit = try reader.readNumber(field: "send rights in transit")
        sendOnces = try reader.readSet(field: "send-once rights of a port")
        for _ in 0..<(try reader.readSize(field: "queue")) { queue.append(try reader.read()) }
        for _ in 0..<(try reader.readSize(field: "blocked sends")) {
            blocked.append(BlockedSend(ticket: try reader.read(), completion: try reader.read(), message: try reader.read()))
        }
        leases = try reader.readSet(field: "leases of a port").sorted()
        grown = try reader.read()
        received = try reader.read()
        leased = try reader.readNumber(field: "leased")
        keepsRoom = try reader.readBool()
        held = try reader.readNumber(field: "held room")
        candidates = try reader.readSet(field: "candidates")
        applicants = try reader.readSet(field: "applicants")
        noSenders = try reader.readOptional()
        portDestroyed = try reader.readOptional()
        let requests: [NameHolder: DeadNameRequest] = try reader.readTable(field: "dead-name requests") {
            (reader) throws(WireError) in try reader.read()
        }
        for (holder, request) in requests { self.request(request, of: holder) }
    }
}

extension Message: WireCodable {
    func encode(into writer: inout WireWriter) {
        writer.write(id)
        writer.write(sender)
        writer.write(optional: speaker)
        writer.write(port)
        switch via {
        case .send: writer.write(UInt8(1))
        case .sendOnce(let once):
            writer.write(UInt8(2))
            writer.write(once)
        }
        writer.write(code)
        writer.write(reply)
        writer.write(list: rights)
        writer.write(payload)
        writer.write(list: memory)
        writer.write(optional: notification)
    }

    init(from reader: inout WireReader) throws(WireError) {
        id = try reader.read()
        sender = try reader.read()
        speaker = try reader.readOptional()
        port = try reader.read()
        switch try reader.read(UInt8.self) {
        case 1: via = .send
        case 2: via = .sendOnce(try reader.read())
        case let tag: throw .unknownCase(of: "via", tag: UInt64(tag))
        }
        code = try reader.read()
        reply = try reader.read()
        rights = try reader.readList(limit: Limits.rightsPerMessageMax, field: "rights")
        payload = try reader.read()
        memory = try reader.readList(limit: Limits.memoryPerMessageMax, field: "memory")
        notification = try reader.readOptional()
    }
}
