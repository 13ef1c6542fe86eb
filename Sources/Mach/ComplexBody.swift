import Masix
import MasixKernel

/// The body of a complex message of XNU: a count, descriptors, bytes (spec/mach.md 4).
///
/// ```
/// 0 count u32; then count descriptors:
/// port       name u32, 0 u32, 0 u16, disposition u8, 0 u8                             12 bytes
/// memory     address u64, deallocate u8, copy u8, 0 u8, 1 or 3 u8, size u32           16 bytes
/// rights     address u64, deallocate u8, copy u8, disposition u8, 2 u8, count u32     16 bytes
/// ```
/// On its way it is the same with names 0 and, for addresses, the place of the region among the message's memory (`Cargo`).
enum ComplexBody {
    private enum Kind: UInt8 {
        case port = 0
        case memory = 1
        case rights = 2
        case volatileMemory = 3
    }

    private static let portBytes = Limits.rightDescriptorBytes
    private static let regionBytes = Limits.memoryDescriptorBytes

    /// Where the descriptors lie; an error for what is none, or lies beyond the end.
    private static func places(in body: [UInt8]) throws(MachReturn) -> [(offset: Int, kind: Kind)] {
        guard body.count >= 4 else { throw MachReturn.Send.messageTooSmall }
        var places: [(offset: Int, kind: Kind)] = []
        var offset = 4
        for _ in 0..<body.word(at: 0) {
            guard offset + portBytes <= body.count else { throw MachReturn.Send.messageTooSmall }
            // The type is the last byte of the first 12 of every descriptor.
            guard let kind = Kind(rawValue: body[offset + 11]) else { throw MachReturn.Send.invalidType }
            let size = kind == .port ? portBytes : regionBytes
            guard offset + size <= body.count else { throw MachReturn.Send.messageTooSmall }
            places.append((offset, kind))
            offset += size
        }
        return places
    }

    /// Takes what the descriptors name. With an error, what was taken is in `cargo` (S3).
    static func load(_ body: inout [UInt8], into cargo: inout Cargo, of task: MachTask) throws(MachReturn) {
        for (offset, kind) in try places(in: body) {
            switch kind {
            case .port:
                guard let disposition = Disposition(rawValue: UInt32(body[offset + 10])) else { throw MachReturn.Send.invalidType }
                cargo.rights.append(try task.takeForBody(body.word(at: offset), disposition))
                body.put(UInt32(0), at: offset)
                body.put(UInt32(0), at: offset + 4)
                body[offset + 10] = UInt8(disposition.arrived)
            case .memory, .volatileMemory:
                guard body[offset + 9] <= 1 else { throw MachReturn.Send.invalidType }
                let place = try cargo.take(
                    body.long(at: offset), Int(body.word(at: offset + 12)), moving: body[offset + 8] != 0, from: task)
                body.put(place, at: offset)
                body[offset + 8] = 1
                body[offset + 9] = 1
                body[offset + 10] = 0
            case .rights:
                guard let disposition = Disposition(rawValue: UInt32(body[offset + 10])) else { throw MachReturn.Send.invalidType }
                let (address, count) = (body.long(at: offset), Int(body.word(at: offset + 12)))
                try task.takeArray(address, count, disposition, moving: body[offset + 8] != 0, into: &cargo)
                body.put(UInt64(0), at: offset)
                body[offset + 8] = 1
                body[offset + 9] = 0
                body[offset + 10] = UInt8(disposition.arrived)
            }
        }
    }

    /// Gives names and addresses to what has come. False: the body is not one, or not of this freight.
    static func unload(_ body: inout [UInt8], _ freight: inout Freight, to task: MachTask) -> Bool {
        guard let places = try? places(in: body) else { return false }
        for (offset, kind) in places {
            switch kind {
            case .port:
                guard let (name, type) = freight.name(in: task) else { return false }
                body.put(name, at: offset)
                body[offset + 10] = type.map { UInt8($0) } ?? body[offset + 10]
            case .memory, .volatileMemory:
                let address = freight.region(body.long(at: offset), Int(body.word(at: offset + 12)), in: task)
                body.put(address, at: offset)
                if address == 0 { body.put(UInt32(0), at: offset + 12) }
            case .rights:
                guard let address = task.placeArray(Int(body.word(at: offset + 12)), &freight) else { return false }
                body.put(address, at: offset)
                if address == 0 { body.put(UInt32(0), at: offset + 12) }
            }
        }
        return true
    }

    /// The body of a message whose rights and memory stand beside plain bytes.
    static func around(_ bytes: [UInt8], rights: [OwnedRight], memory: [MemoryObject?]) -> [UInt8] {
        var body: [UInt8] = []
        body.append(UInt32(rights.count + memory.count))
        for right in rights {
            let disposition: UInt8 =
                switch right {
                case .receive: 16
                case .sendOnce: 18
                case .send, .null, .dead, .make, .makeOnce: 17
                }
            body += [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, disposition, Kind.port.rawValue]
        }
        for (number, object) in memory.enumerated() {
            let start = body.count
            body += [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, Kind.memory.rawValue, 0, 0, 0, 0]
            body.put(UInt64(number) << 48, at: start)
            body.put(UInt32(clamping: object?.count ?? 0), at: start + 12)
        }
        return body + bytes
    }
}
