import MasixLinux
import MasixMach

/// What a call gives back through its caller's pointers; a wild one is `KERN_INVALID_ADDRESS`.
enum Outputs {
    static func put(_ word: UInt32, at address: UInt) throws(MachReturn) {
        var bytes = [UInt8](repeating: 0, count: 4)
        bytes.put(word, at: 0)
        guard OwnMemory.write(bytes, to: UInt64(address)) else { throw .invalidAddress }
    }

    static func put(_ long: UInt64, at address: UInt) throws(MachReturn) {
        var bytes = [UInt8](repeating: 0, count: 8)
        bytes.put(long, at: 0)
        guard OwnMemory.write(bytes, to: UInt64(address)) else { throw .invalidAddress }
    }

    static func put(_ words: [UInt32], at address: UInt) throws(MachReturn) {
        guard OwnMemory.write(bytes(words), to: UInt64(address)) else { throw .invalidAddress }
    }

    /// An array out of line, which the caller frees with `vm_deallocate`: its address and count.
    static func putArray(_ words: [UInt32], at address: UInt, count: UInt) throws(MachReturn) {
        var place: UInt64 = 0
        if !words.isEmpty {
            guard let placed = ProgramMemory().place(bytes(words)) else { throw .resourceShortage }
            place = placed
        }
        try put(place, at: address)
        try put(UInt32(words.count), at: count)
    }

    static func word(at address: UInt) throws(MachReturn) -> UInt32 {
        guard let bytes = OwnMemory.read(UInt64(address), 4) else { throw .invalidAddress }
        return bytes.word(at: 0)
    }

    static func long(at address: UInt) throws(MachReturn) -> UInt64 {
        guard let bytes = OwnMemory.read(UInt64(address), 8) else { throw .invalidAddress }
        return bytes.long(at: 0)
    }

    private static func bytes(_ words: [UInt32]) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in words { bytes.append(word) }
        return bytes
    }

    /// A text of C, of at most `max` bytes without its end.
    static func text(at address: UInt, max: Int) throws(MachReturn) -> String {
        var text: [UInt8] = []
        while text.count <= max {
            guard let byte = OwnMemory.read(UInt64(address) + UInt64(text.count), 1)?.first else { throw .invalidAddress }
            if byte == 0 {
                guard let text = String(validating: text, as: UTF8.self) else { throw .invalidArgument }
                return text
            }
            text.append(byte)
        }
        throw .invalidArgument
    }
}
