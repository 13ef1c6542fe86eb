import CLinux
public import SystemPackage

/// Chance from Linux (getrandom), fit for secrets.
public enum RandomBytes {
    public static func fill(_ buffer: UnsafeMutableRawBufferPointer) throws(Errno) {
        var filled = 0
        while filled < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
            // The shim stores at most `count` bytes of what is left.
            filled += try systemCall(.random) { unsafe masix_getrandom(rest.baseAddress, rest.count) }
        }
    }

    public static func bytes(_ count: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let part = min(256, count - filled)
            var chunk = [UInt8](repeating: 0, count: part)
            // The chunk is `part` bytes long.
            let got = try systemCall(.random) { unsafe masix_getrandom(&chunk, part) }
            bytes.replaceSubrange(filled..<filled + got, with: chunk[..<got])
            filled += got
        }
        return bytes
    }

    public static func uint64() throws(Errno) -> UInt64 { try bytes(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
