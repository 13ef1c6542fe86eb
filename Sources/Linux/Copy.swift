import CLinux
public import SystemPackage

/// Copying between files without a detour through our memory, where Linux can.
public enum Copy {
    /// Copies up to `count` bytes; answers how many, fewer only at the source's end.
    ///
    /// copy_file_range (which may share blocks), else sendfile, else read and write. Positions: the first and the last do not move any; the
    /// second moves the target's and puts it back, so nobody else may write through the same open file meanwhile.
    public static func range(
        from source: Int32, offset sourceOffset: Int, to target: Int32, offset targetOffset: Int, count: Int, features: Features = .assumed
    ) throws(Errno) -> Int {
        guard sourceOffset >= 0, targetOffset >= 0, count >= 0 else { throw .invalidArgument }
        var way: Way = features.copyFileRange ? .range : .send
        var copied = 0
        while copied < count {
            let (from, to, rest) = (Int64(sourceOffset + copied), Int64(targetOffset + copied), min(count - copied, 1 << 30))
            do {
                let step = try way.step(source, from, target, to, rest)
                // Some file systems (such as /proc) answer 0 here though there is more.
                if step == 0 && copied == 0 && way != .readWrite { way = .readWrite } else if step == 0 { break }
                copied += step
            } catch {
                guard let next = way.alternative(after: error) else { throw error }
                way = next
            }
        }
        return copied
    }

    /// Copies up to `count` bytes through a buffer of ours, and moves no position: several threads may do so with the same open files.
    public static func throughMemory(
        from source: Int32, offset sourceOffset: Int, to target: Int32, offset targetOffset: Int, count: Int
    ) throws(Errno) -> Int {
        guard sourceOffset >= 0, targetOffset >= 0, count >= 0 else { throw .invalidArgument }
        // Large enough that the calls cost little, small enough to stay in the processor's cache.
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, min(count, 1 << 18)), alignment: 64)
        defer { unsafe buffer.deallocate() }
        var copied = 0
        while copied < count {
            // Within the buffer, which lives over the calls.
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, count - copied)])
            let found = try unsafe File.read(source, into: part, at: sourceOffset + copied)
            if found == 0 { break }
            var written = 0
            while written < found {
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[written..<found])
                written += try unsafe File.write(target, rest, at: targetOffset + copied + written)
            }
            copied += found
        }
        return copied
    }

    private enum Way {
        case range, send, readWrite

        func step(_ source: Int32, _ from: Int64, _ target: Int32, _ to: Int64, _ count: Int) throws(Errno) -> Int {
            switch self {
            case .range:
                return try systemCall(.copyRange) { masix_copy_file_range(source, from, target, to, count) }
            case .send:
                let before = Int64(try systemCall(.sendFile) { masix_tell(target) })
                _ = try systemCall(.sendFile) { masix_lseek(target, to) }
                defer { _ = masix_lseek(target, before) }
                return try systemCall(.sendFile) { masix_sendfile(source, from, target, count) }
            case .readWrite:
                let bytes = try File.readBytes(source, count: min(count, 1 << 16), at: Int(from))
                var written = 0
                while written < bytes.count { written += try File.write(target, Array(bytes[written...]), at: Int(to) + written) }
                return written
            }
        }

        /// Another way for an error that means "not so, with these files".
        func alternative(after error: Errno) -> Way? {
            switch error {
            case .noFunction, .invalidArgument, .improperLink, .notSupported, .notPermitted, .badFileDescriptor, .textFileBusy:
                return self == .range ? .send : self == .send ? .readWrite : nil
            default: return nil
            }
        }
    }
}
