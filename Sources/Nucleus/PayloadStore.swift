import MasixKernel
import MasixLinux
import SystemPackage

/// Home-queue memory: the inline bytes of messages that nobody has received yet.
///
/// Segments of shared memory, cut into chunks, each chunk into blocks of one size. What is in use follows from the payloads that
/// the kernel knows, so nothing but the bytes themselves has to survive a restart.
final class PayloadStore {
    static let segmentBytes = 1 << 22
    static let chunkBytes = 1 << 16
    private static let chunksPerSegment = segmentBytes / chunkBytes
    private static let smallestShift = 6
    /// 64 bytes to 64 KiB.
    private static let classes = 11

    /// The segment's file, for whoever keeps it over a restart.
    final class Segment {
        let file: MemoryFile
        let mapping: Mapping
        /// Of each chunk: the class that it is cut for, or -1, and how many of its blocks are used.
        var classOfChunk = [Int](repeating: -1, count: PayloadStore.chunksPerSegment)
        var usedOfChunk = [Int](repeating: 0, count: PayloadStore.chunksPerSegment)

        init(_ file: consuming MemoryFile) throws(Errno) {
            mapping = try Mapping(of: file.raw, length: PayloadStore.segmentBytes, access: .readWrite)
            self.file = file
        }
    }

    private(set) var segments: [Segment] = []
    private var freeChunks: [UInt64] = []
    private var freeBlocks: [[UInt64]] = Array(repeating: [], count: classes)
    /// Bytes of payloads that are kept.
    private(set) var usedBytes = 0
    private let bytesMax: Int
    private let features: Features
    /// Told of each new segment before anything lies in it.
    var segmentMade: (Int, Int32) -> Void = { _, _ in }

    init(bytesMax: Int, features: Features) {
        self.bytesMax = bytesMax
        self.features = features
    }

    private static func sizeClass(_ length: Int) -> Int {
        var sizeClass = 0
        while (1 << (smallestShift + sizeClass)) < length { sizeClass += 1 }
        return sizeClass
    }

    // A place: the segment's number from 1 in the upper half, the offset in the lower one.
    private static func place(_ segment: Int, _ offset: Int) -> UInt64 { UInt64(segment + 1) << 32 | UInt64(offset) }
    private static func segment(_ place: UInt64) -> Int { Int(place >> 32) - 1 }
    private static func offset(_ place: UInt64) -> Int { Int(place & 0xFFFF_FFFF) }

    /// Keeps bytes. Nil when that would be over the bound; frames out of slots are kept regardless, for they are sent already and
    /// their number is bounded by the leases.
    func keep(_ bytes: UnsafeRawBufferPointer, regardless: Bool = false) throws(Errno) -> Payload? {
        guard bytes.count > 0 else { return .empty }
        precondition(bytes.count <= Limits.inlineBytesMax)
        guard regardless || usedBytes + bytes.count <= bytesMax else { return nil }
        let place = try block(of: Self.sizeClass(bytes.count))
        let payload = Payload(place: place, length: UInt32(bytes.count))
        unsafe buffer(at: place, count: bytes.count)?.copyMemory(from: bytes)
        usedBytes += bytes.count
        return payload
    }

    /// The bytes; nil for a payload that this store has never given out.
    func bytes(_ payload: Payload) -> UnsafeRawBufferPointer? {
        guard payload.length > 0 else { return unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
        return unsafe buffer(at: payload.place, count: Int(payload.length)).map { UnsafeRawBufferPointer($0) }
    }

    func release(_ payload: Payload) {
        guard payload.length > 0, unsafe buffer(at: payload.place, count: Int(payload.length)) != nil else { return }
        let segment = segments[Self.segment(payload.place)]
        let chunk = Self.offset(payload.place) / Self.chunkBytes
        let sizeClass = segment.classOfChunk[chunk]
        guard sizeClass >= 0, segment.usedOfChunk[chunk] > 0 else { return }
        usedBytes -= Int(payload.length)
        segment.usedOfChunk[chunk] -= 1
        freeBlocks[sizeClass].append(payload.place)
    }

    /// A chunk without a used block can be cut for another size.
    private func retire(_ chunk: Int, of number: Int) {
        let segment = segments[number]
        let range = Self.place(number, chunk * Self.chunkBytes)..<Self.place(number, (chunk + 1) * Self.chunkBytes)
        freeBlocks[segment.classOfChunk[chunk]].removeAll { range.contains($0) }
        segment.classOfChunk[chunk] = -1
        freeChunks.append(range.lowerBound)
    }

    private func buffer(at place: UInt64, count: Int) -> UnsafeMutableRawBufferPointer? {
        let (number, offset) = (Self.segment(place), Self.offset(place))
        guard segments.indices.contains(number), offset >= 0, count >= 0, offset + count <= Self.segmentBytes else { return nil }
        // Inside the mapping, by the check above; the segment is never unmapped while the store lives.
        return unsafe UnsafeMutableRawBufferPointer(rebasing: segments[number].mapping.buffer[offset..<(offset + count)])
    }

    private func block(of sizeClass: Int) throws(Errno) -> UInt64 {
        if freeBlocks[sizeClass].isEmpty {
            if freeChunks.isEmpty { reclaimChunks() }
            if freeChunks.isEmpty { try addSegment() }
            guard let chunk = freeChunks.popLast() else { throw .noMemory }
            segments[Self.segment(chunk)].classOfChunk[Self.offset(chunk) / Self.chunkBytes] = sizeClass
            let size = 1 << (Self.smallestShift + sizeClass)
            for index in (0..<(Self.chunkBytes / size)).reversed() { freeBlocks[sizeClass].append(chunk + UInt64(index * size)) }
        }
        guard let place = freeBlocks[sizeClass].popLast() else { throw .noMemory }
        segments[Self.segment(place)].usedOfChunk[Self.offset(place) / Self.chunkBytes] += 1
        return place
    }

    private func reclaimChunks() {
        for (number, segment) in segments.enumerated() {
            for chunk in segment.usedOfChunk.indices where segment.usedOfChunk[chunk] == 0 && segment.classOfChunk[chunk] >= 0 {
                retire(chunk, of: number)
            }
        }
    }

    private func addSegment() throws(Errno) {
        let file = try MemoryFile.create(name: "masix-messages", size: Self.segmentBytes, features: features)
        segmentMade(segments.count, file.raw)
        try adopt(file)
    }

    /// Adds a segment that may hold something already; all of it counts as free until `rebuild`.
    func adopt(_ file: consuming MemoryFile) throws(Errno) {
        let number = segments.count
        segments.append(try Segment(file))
        for chunk in (0..<Self.chunksPerSegment).reversed() { freeChunks.append(Self.place(number, chunk * Self.chunkBytes)) }
    }

    /// Exactly these payloads are in use from here on.
    func rebuild(live: [Payload]) {
        usedBytes = 0
        freeBlocks = Array(repeating: [], count: Self.classes)
        freeChunks = []
        for segment in segments {
            segment.classOfChunk = segment.classOfChunk.map { _ in -1 }
            segment.usedOfChunk = segment.usedOfChunk.map { _ in 0 }
        }
        var used: Set<UInt64> = []
        for payload in live where payload.length > 0 {
            guard unsafe buffer(at: payload.place, count: Int(payload.length)) != nil, used.insert(payload.place).inserted else { continue }
            let segment = segments[Self.segment(payload.place)]
            let chunk = Self.offset(payload.place) / Self.chunkBytes
            segment.classOfChunk[chunk] = Self.sizeClass(Int(payload.length))
            segment.usedOfChunk[chunk] += 1
            usedBytes += Int(payload.length)
        }
        for (number, segment) in segments.enumerated() {
            for chunk in 0..<Self.chunksPerSegment {
                let first = Self.place(number, chunk * Self.chunkBytes)
                guard segment.classOfChunk[chunk] >= 0 else {
                    freeChunks.append(first)
                    continue
                }
                let size = 1 << (Self.smallestShift + segment.classOfChunk[chunk])
                for index in 0..<(Self.chunkBytes / size) where !used.contains(first + UInt64(index * size)) {
                    freeBlocks[segment.classOfChunk[chunk]].append(first + UInt64(index * size))
                }
            }
        }
    }
}
