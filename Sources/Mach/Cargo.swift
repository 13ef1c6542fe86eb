import Masix

/// What a message takes along besides its bytes, collected while its body is read at sending.
struct Cargo {
    var rights: [OwnedRight] = []
    private(set) var memory: [MemoryObject] = []
    /// Small regions, which share one object.
    private var small: [UInt8] = []
    /// The ranges that are moved, to be freed once the message is whole.
    private(set) var moved: [(address: UInt64, count: Int)] = []

    /// Regions from this size on are objects of their own.
    static let ownObjectBytes = 65_536
    /// The number of the object that the small regions share.
    static let sharedObject: UInt64 = 0xFFFF

    /// Takes a region: where it will be found, which takes the place of its address in the body.
    mutating func take(_ address: UInt64, _ count: Int, moving: Bool, from task: MachTask) throws(MachReturn) -> UInt64 {
        guard count > 0 else { return 0 }
        if count >= Self.ownObjectBytes, memory.count < Limits.memoryPerMessageMax - 1 {
            guard let object = task.memory.capture(address, count) else { throw MachReturn.Send.invalidMemory }
            memory.append(object)
            if moving { moved.append((address, count)) }
            return UInt64(memory.count - 1) << 48
        }
        guard let bytes = task.memory.read(address, count) else { throw MachReturn.Send.invalidMemory }
        if moving { moved.append((address, count)) }
        defer { small += bytes }
        return Self.sharedObject << 48 | UInt64(small.count)
    }

    /// Bytes of our own, as a region.
    mutating func add(_ bytes: [UInt8]) -> UInt64 {
        guard !bytes.isEmpty else { return 0 }
        defer { small += bytes }
        return Self.sharedObject << 48 | UInt64(small.count)
    }

    /// All objects, the shared one last.
    func objects() throws(MachReturn) -> [MemoryObject] {
        guard !small.isEmpty else { return memory }
        do throws(MasixError) { return memory + [try MemoryObject(bytes: small)] } catch { throw MachReturn.Send.noBuffer }
    }
}

/// What came with a message besides its bytes, given out while its body is written at reception. The sender's word for what belongs where
/// is checked: it may be anybody's.
struct Freight {
    private var rights: ArraySlice<OwnedRight>
    private let memory: [MemoryObject?]
    /// Names could not be given, or memory not be had (V7).
    var shortage: UInt32 = 0

    init(rights: [OwnedRight], memory: [MemoryObject?]) {
        self.rights = rights[...]
        self.memory = memory
    }

    static let noNames: UInt32 = 0x2000
    static let noMemory: UInt32 = 0x1000

    /// The next right, and what kind the receiver sees; nil if there are not so many.
    mutating func right() -> OwnedRight? { rights.popFirst() }

    mutating func name(in task: MachTask) -> (name: PortName, type: UInt32?)? {
        guard let right = rights.popFirst() else { return nil }
        let type: UInt32? =
            switch right {
            case .send: 17
            case .sendOnce: 18
            case .receive: 16
            case .null, .dead, .make, .makeOnce: nil
            }
        do throws(MachReturn) { return (try task.arrive(right), type) } catch {
            shortage |= Self.noNames
            return (.null, type)
        }
    }

    /// The region that a sender has put at this place, at an address of ours; 0 for an empty one.
    mutating func region(_ place: UInt64, _ count: Int, in task: MachTask) -> UInt64 {
        guard count > 0 else { return 0 }
        let number = Int(place >> 48)
        let offset = Int(place & 0xFFFF_FFFF_FFFF)
        let object = number == Int(Cargo.sharedObject) ? memory.last : number < memory.count ? memory[number] : nil
        guard let object = object ?? nil, offset <= object.count, count <= object.count - offset else {
            shortage |= Self.noMemory
            return 0
        }
        let address =
            number != Int(Cargo.sharedObject) && offset == 0 && count == object.count
            ? task.memory.map(object) : task.memory.read(object, at: offset, count).flatMap { task.memory.place($0) }
        if address == nil { shortage |= Self.noMemory }
        return address ?? 0
    }
}
