import MasixKernel
import MasixLinux
import MasixTransport
import SystemPackage

/// Memory with a content that nobody can change any more: what travels out of line (spec/mach.md 1.10).
///
/// A memory object is made by filling, then sealing it; from then on it is only read, by whoever holds it, and sent without a copy.
/// It costs its pages until the last holder lets it go. (Data spaces will be built on it: Documentation/Decisions/0005.)
public final class MemoryObject: Sendable {
    /// Bytes of content.
    public let count: Int
    let descriptor: Descriptor

    /// A sealed object with a copy of these bytes.
    public convenience init(bytes: [UInt8]) throws(MasixError) {
        try self.init(count: bytes.count) { (draft) throws(MasixError) in try draft.write(bytes, at: 0) }
    }

    /// Makes an object of `count` bytes, lets `fill` write into it, and seals it. What `fill` throws is thrown, and nothing is made.
    public init(count: Int, fill: (borrowing Draft) throws(MasixError) -> Void) throws(MasixError) {
        guard count >= 0 else { throw .invalidValue }
        let draft = try Draft(count: count)
        try fill(draft)
        descriptor = try draft.seal()
        self.count = count
    }

    /// Takes over what the nucleus has checked: a sealed memory file of this length.
    init(received descriptor: consuming Descriptor, count: Int) {
        self.descriptor = descriptor
        self.count = count
    }

    /// The object that a draft has become.
    package init(_ draft: consuming Draft) throws(MasixError) {
        count = draft.count
        descriptor = try draft.seal()
    }

    /// A memory object that is being filled.
    public struct Draft: ~Copyable, Sendable {
        let file: MemoryFile
        let count: Int

        package init(count: Int) throws(MasixError) {
            do throws(Errno) { file = try MemoryFile.create(name: "masix-memory", size: count) } catch {
                throw .memory(errno: error.rawValue)
            }
            self.count = count
        }

        /// Writes bytes at a place inside the object. `.invalidValue` if they would end behind it.
        public func write(_ bytes: [UInt8], at offset: Int) throws(MasixError) {
            guard offset >= 0, offset <= count, bytes.count <= count - offset else { throw .invalidValue }
            do throws(Errno) {
                var written = 0
                while written < bytes.count {
                    written += try File.write(file.raw, written == 0 ? bytes : Array(bytes[written...]), at: offset + written)
                }
            } catch {
                throw .memory(errno: error.rawValue)
            }
        }

        /// The same without an array of their own.
        package func write(_ bytes: ArraySlice<UInt8>, at offset: Int) throws(MasixError) {
            guard offset >= 0, offset <= count, bytes.count <= count - offset else { throw .invalidValue }
            do throws(Errno) {
                var written = 0
                while written < bytes.count {
                    written += try File.write(file.raw, bytes.dropFirst(written), at: offset + written)
                }
            } catch {
                throw .memory(errno: error.rawValue)
            }
        }

        /// Copies from an open file, inside Linux. Less than `count` if the file ends before; `.invalidValue` if it would end behind the
        /// object.
        public func copy(from file: Int32, at source: Int, count: Int, to offset: Int = 0) throws(MasixError) -> Int {
            guard offset >= 0, offset <= self.count, (0...(self.count - offset)).contains(count) else { throw .invalidValue }
            do throws(Errno) {
                return try Copy.range(from: file, offset: source, to: self.file.raw, offset: offset, count: count)
            } catch {
                throw .memory(errno: error.rawValue)
            }
        }

        /// The same through a buffer of ours: less to do for a small file. Moves no position.
        public func read(from file: Int32, at source: Int, count: Int, to offset: Int = 0) throws(MasixError) -> Int {
            guard offset >= 0, offset <= self.count, (0...(self.count - offset)).contains(count) else { throw .invalidValue }
            do throws(Errno) {
                return try Copy.throughMemory(from: file, offset: source, to: self.file.raw, offset: offset, count: count)
            } catch {
                throw .memory(errno: error.rawValue)
            }
        }

        /// For whoever fills it himself.
        package var rawDescriptor: Int32 { file.raw }

        consuming func seal() throws(MasixError) -> Descriptor {
            do throws(Errno) { try file.addSeals(.frozen) } catch { throw .memory(errno: error.rawValue) }
            return file.relinquish()
        }
    }

    /// A copy of the content, or of a part of it. `.invalidValue` if the part is not inside.
    public func bytes(in range: Range<Int>? = nil) throws(MasixError) -> [UInt8] {
        let range = range ?? 0..<count
        guard range.lowerBound >= 0, range.upperBound <= count else { throw .invalidValue }
        do throws(Errno) {
            return try File.readBytes(descriptor.raw, count: range.count, at: range.lowerBound)
        } catch {
            throw .memory(errno: error.rawValue)
        }
    }

    /// Copies a part of the content into a part of an array. `.invalidValue` if the one is not inside, or the other not large enough.
    package func read(_ range: Range<Int>, into bytes: inout [UInt8], at place: Int) throws(MasixError) {
        guard range.lowerBound >= 0, range.upperBound <= count, place >= 0, range.count <= bytes.count - place else { throw .invalidValue }
        do throws(Errno) {
            let found = try File.read(descriptor.raw, count: range.count, at: range.lowerBound, into: &bytes, at: place)
            guard found == range.count else { throw Errno.ioError }
        } catch {
            throw .memory(errno: error.rawValue)
        }
    }

    /// Copies content into an open file; returns how much. Moves no position of that file: several threads may fill one. `.invalidValue`
    /// if the part is not inside.
    public func copy(to file: Int32, at offset: Int, from source: Int = 0, count: Int? = nil) throws(MasixError) -> Int {
        guard source >= 0, source <= self.count, (0...(self.count - source)).contains(count ?? 0) else { throw .invalidValue }
        do throws(Errno) {
            return try Copy.throughMemory(
                from: descriptor.raw, offset: source, to: file, offset: offset, count: count ?? self.count - source)
        } catch {
            throw .memory(errno: error.rawValue)
        }
    }

    /// Maps the content and lends it for the time of the call. The mapping is private: nobody sees what happens to it, and no
    /// other holder can make it fault (architecture rule 21).
    public func withMapped<Result>(_ body: (RawSpan) throws -> Result) throws -> Result {
        guard count > 0 else { return try body(RawSpan()) }
        return try MappedContent(of: descriptor.raw, count: count).read(body)
    }
}
