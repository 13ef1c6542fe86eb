import CLinux
public import SystemPackage

/// An open file descriptor, owned: closed when the value ends.
public struct Descriptor: ~Copyable, Sendable {
    /// The number, lent: valid as long as this value lives.
    public let raw: Int32

    /// Takes over an open descriptor; nobody else may close it afterwards.
    public init(owning raw: Int32) {
        precondition(raw >= 0, "a descriptor is not negative")
        self.raw = raw
    }

    deinit {
        // The number is free again whatever close answers; an error here has no remedy.
        _ = masix_close(raw)
    }

    /// Gives the number away; the caller closes it.
    public consuming func relinquish() -> Int32 {
        let raw = self.raw
        discard self
        return raw
    }

    /// A second descriptor of the same open file description.
    public borrowing func duplicate() throws(Errno) -> Descriptor { try Descriptor.duplicate(of: raw) }

    /// A second, owned descriptor of what `raw` names.
    public static func duplicate(of raw: Int32) throws(Errno) -> Descriptor {
        Descriptor(owning: Int32(try systemCall(.duplicate) { masix_duplicate(raw) }))
    }

    public borrowing func setNonBlocking(_ enabled: Bool) throws(Errno) {
        let raw = self.raw
        let flags = Int32(try systemCall(.descriptorFlags) { masix_get_status_flags(raw) })
        let wanted = enabled ? flags | O_NONBLOCK : flags & ~O_NONBLOCK
        if wanted != flags { _ = try systemCall(.descriptorFlags) { masix_set_status_flags(raw, wanted) } }
    }

    public borrowing func isNonBlocking() throws(Errno) -> Bool {
        let raw = self.raw
        return try systemCall(.descriptorFlags) { masix_get_status_flags(raw) } & Int(O_NONBLOCK) != 0
    }

    public borrowing func setCloseOnExec(_ enabled: Bool) throws(Errno) {
        let raw = self.raw
        _ = try systemCall(.descriptorFlags) { masix_set_descriptor_flags(raw, enabled ? FD_CLOEXEC : 0) }
    }

    public borrowing func isCloseOnExec() throws(Errno) -> Bool {
        let raw = self.raw
        return try systemCall(.descriptorFlags) { masix_get_descriptor_flags(raw) } & Int(FD_CLOEXEC) != 0
    }

    /// Reads at most the buffer's size. 0 is the end; `.wouldBlock` when nothing is there and the descriptor does not wait.
    public borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        let raw = self.raw
        // The shim writes at most `count` bytes from the base, which is the caller's buffer.
        return try systemCall(.read) { unsafe masix_read(raw, buffer.baseAddress, buffer.count) }
    }

    /// Reads once; an empty array is the end.
    public borrowing func readBytes(max: Int) throws(Errno) -> [UInt8] { try Descriptor.readBytes(from: raw, max: max) }

    /// Reads once from a lent descriptor; an empty array is the end.
    public static func readBytes(from raw: Int32, max: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: max)
        // The array is `max` bytes long and lives over the call.
        let count = try systemCall(.read) { unsafe masix_read(raw, &bytes, max) }
        bytes.removeLast(max - count)
        return bytes
    }

    /// Reads to the end, at most `max` bytes; `.fileTooLarge` if there is more.
    public borrowing func readAll(max: Int) throws(Errno) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let part = try readBytes(max: 65_536)
            if part.isEmpty { return all }
            guard all.count + part.count <= max else { throw .fileTooLarge }
            all += part
        }
    }

    /// Writes once, perhaps not everything; answers how many bytes were written.
    public borrowing func write(_ bytes: [UInt8]) throws(Errno) -> Int { try Descriptor.write(bytes, to: raw) }

    /// Writes once to a lent descriptor, perhaps not everything.
    public static func write(_ bytes: [UInt8], to raw: Int32) throws(Errno) -> Int {
        // The array lives over the call and is `count` bytes long.
        try systemCall(.write) { unsafe masix_write(raw, bytes, bytes.count) }
    }

    /// Writes once from a buffer, perhaps not everything.
    public borrowing func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
        let raw = self.raw
        // The shim reads `count` bytes of the caller's buffer.
        return try systemCall(.write) { unsafe masix_write(raw, bytes.baseAddress, bytes.count) }
    }

    /// Writes everything; a descriptor that does not wait is waited for.
    public borrowing func writeAll(_ bytes: [UInt8]) throws(Errno) {
        var rest = bytes[...]
        while !rest.isEmpty {
            do {
                rest = rest.dropFirst(try write(Array(rest)))
            } catch {
                guard error.meansWouldBlock else { throw error }
                _ = try Ready.poll(raw, for: .writable, timeoutNanoseconds: nil)
            }
        }
    }
}
