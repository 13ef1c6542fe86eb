import Logging
import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import SystemPackage

// From a datagram to an event. What cannot be read ends its task; what cannot be done is refused, and either way nobody else notices.

extension Nucleus {
    /// One datagram of a task.
    func receive(from id: TaskID) {
        guard let record = tables.tasks[id] else { return }
        let raw = record.socket.raw
        do {
            var received = try unsafe MessageSocket.receive(on: raw, into: buffer, peek: peeks, wait: false)
            guard !received.isEnd else { return endTask(id, .endOfFile) }
            guard !received.isTruncated, !received.isControlTruncated else { return endTask(id, .malformed) }
            let bytes = unsafe [UInt8](buffer[..<received.byteCount])
            if record.welcome != nil, greet(record, bytes) { return }
            do throws(WireError) {
                try dispatch(bytes, &received.descriptors, of: record)
            } catch {
                logger.info("a datagram that is no request", metadata: ["task": "\(id.raw)", "error": "\(error)"])
                endTask(id, .malformed)
            }
        } catch {
            if error == .wouldBlock || error == .resourceTemporarilyUnavailable { return }
            endTask(id, .endOfFile)
        }
    }

    /// The hello of a task that was introduced before its program ran. False if this is no hello but a request: then an earlier
    /// nucleus has said welcome.
    private func greet(_ record: TaskRecord, _ bytes: [UInt8]) -> Bool {
        guard let hello = try? Hello(wireBytes: bytes) else {
            guard record.mayBeWelcomed else {
                endTask(record.id, .malformed)
                return true
            }
            record.welcome = nil
            return false
        }
        guard hello.version == Hello.version else {
            endTask(record.id, .malformed)
            return true
        }
        sayWelcome(to: record)
        consume(record)
        return true
    }

    private func dispatch(_ bytes: [UInt8], _ descriptors: inout DescriptorBundle, of record: TaskRecord) throws(WireError) {
        var reader = WireReader(bytes)
        let number = try reader.read(UInt64.self)
        if number & Query.numberBit != 0 {
            let query = try Envelope<Query>(wireBytes: bytes)
            answer(query.content, number: number, of: record)
            consume(record)
            return
        }
        let envelope = try Envelope<Request>(wireBytes: bytes)
        guard number == record.lastRequest + 1 else { return endTask(record.id, .misnumbered) }
        record.lastRequest = number
        let request = try prepare(envelope, &descriptors, of: record)
        submit(.request(record.id, number: number, request), of: request) { consume(record) }
    }

    /// Takes the datagram off the socket, where it was only looked at so far.
    func consume(_ record: TaskRecord) { consume(record.socket) }

    func consume(_ socket: HeldDescriptor) {
        guard peeks else { return }
        do {
            _ = try unsafe MessageSocket.receive(on: socket.raw, into: buffer, wait: false, takingDescriptors: false)
        } catch {
            // Its end is noticed where ends are noticed.
            logger.debug("a datagram cannot be consumed", metadata: ["error": "\(error)"])
        }
    }

    /// Puts in the place of bytes and descriptors what the kernel knows them by.
    private func prepare(
        _ envelope: Envelope<Request>, _ descriptors: inout DescriptorBundle, of record: TaskRecord
    ) throws(WireError) -> Request {
        switch envelope.content {
        case .send(let outgoing): return try prepare(outgoing, envelope.payload, &descriptors)
        case .introduce(let identity, let rights):
            guard envelope.payload.isEmpty else { throw .malformed(field: "payload") }
            return prepareIntroduction(identity, rights, &descriptors, by: record)
        case .rejected: throw .unknownCase(of: "Request", tag: 19)
        default:
            guard envelope.payload.isEmpty else { throw .malformed(field: "payload") }
            return envelope.content
        }
    }

    private func prepare(
        _ outgoing: Outgoing, _ payload: [UInt8], _ descriptors: inout DescriptorBundle
    ) throws(WireError) -> Request {
        guard outgoing.payload.place == 0, Int(outgoing.payload.length) == payload.count else { throw .malformed(field: "payload") }
        var outgoing = outgoing
        do {
            guard try isAcceptable(outgoing.memory, descriptors) else { return .rejected(.invalidMemory) }
            // The array lives over the call.
            let kept = try unsafe payload.withUnsafeBytes { bytes in try unsafe tables.store.keep(bytes) }
            guard let kept else { return .rejected(.resourceShortage) }
            outgoing.payload = Payload(place: kept.place, length: kept.length, format: outgoing.payload.format)
        } catch {
            logger.warning("a message cannot be kept", metadata: ["error": "\(error)"])
            return .rejected(.resourceShortage)
        }
        var memory: [MemoryToken] = []
        for token in outgoing.memory {
            guard let descriptor = descriptors.take(Int(token.place)) else { return .rejected(.invalidMemory) }
            memory.append(MemoryToken(place: keepObject(descriptor), length: token.length))
        }
        outgoing.memory = memory
        return .send(outgoing)
    }

    /// Each token names a descriptor of its own, and that is memory whose content is final (M1, architecture rule 21).
    private func isAcceptable(_ memory: [MemoryToken], _ descriptors: borrowing DescriptorBundle) throws(Errno) -> Bool {
        var seen: Set<UInt64> = []
        for token in memory {
            guard seen.insert(token.place).inserted, let index = Int(exactly: token.place), let raw = descriptors.raw(at: index),
                let length = Int(exactly: token.length), try MemoryFile.isSealedMemory(raw: raw, atLeast: length)
            else { return false }
        }
        return true
    }

    private func keepObject(_ descriptor: consuming Descriptor) -> UInt64 {
        lastObject += 1
        keeper?.keep(KeptKey(.object, lastObject), descriptor.raw)
        tables.objects[lastObject] = HeldDescriptor(descriptor)
        return lastObject
    }

    /// The socket and the process of a task that the first task has started.
    private func prepareIntroduction(
        _ identity: TaskIdentity, _ rights: [Transfer], _ descriptors: inout DescriptorBundle, by record: TaskRecord
    ) -> Request {
        guard record.isFirst else { return .rejected(.notPermitted) }
        guard let socket = descriptors.take(0), let process = descriptors.take(1) else { return .rejected(.invalidValue) }
        do {
            guard try File.status(of: socket.raw).kind == .socket else { return .rejected(.invalidValue) }
            let memory = try TaskMemory(features: features)
            arrival = Arrival(
                identity: identity, isFirst: false, isStranger: false, socket: HeldDescriptor(socket), process: HeldDescriptor(process),
                memory: memory)
        } catch {
            logger.warning("a task cannot be introduced", metadata: ["error": "\(error)"])
            return .rejected(.resourceShortage)
        }
        return .introduce(identity, rights: rights)
    }
}
