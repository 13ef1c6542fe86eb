import CLinux
public import SystemPackage

/// Both ends of a pipe.
@frozen
public struct PipeEnds: ~Copyable, Sendable {
    public var reader: Descriptor
    public var writer: Descriptor

    public init(reader: consuming Descriptor, writer: consuming Descriptor) {
        self.reader = reader
        self.writer = writer
    }

    /// Closes the writer.
    public consuming func takeReader() -> Descriptor { reader }
    /// Closes the reader.
    public consuming func takeWriter() -> Descriptor { writer }
}

/// Pipes: doorbells and streams.
public enum Pipe {
    /// A pipe that only this user (and root) may reopen.
    public static func make(nonBlocking: Bool = false) throws(Errno) -> PipeEnds {
        var ends: (Int32, Int32) = (-1, -1)
        // The shim stores two numbers into the pair.
        _ = try systemCall(.pipe) {
            unsafe withUnsafeMutableBytes(of: &ends) {
                unsafe masix_pipe($0.assumingMemoryBound(to: Int32.self).baseAddress, nonBlocking ? O_NONBLOCK : 0)
            }
        }
        let pipe = PipeEnds(reader: Descriptor(owning: ends.0), writer: Descriptor(owning: ends.1))
        let raw = ends.0
        _ = try systemCall(.changeMode) { masix_fchmod(raw, 0o600) }
        return pipe
    }

    /// A writer with an open file description of its own, non-blocking: flags that its holder sets reach nobody else.
    ///
    /// `raw` is either end of the pipe. Needs a mounted /proc.
    public static func reopenWriter(_ raw: Int32) throws(Errno) -> Descriptor {
        // The path is a constant and a number: a C string without zero bytes.
        Descriptor(owning: Int32(try systemCall(.open) { unsafe masix_openat(AT_FDCWD, "/proc/self/fd/\(raw)", O_WRONLY | O_NONBLOCK, 0) }))
    }
}
