public import MasixKernel
import MasixWire

/// What a slot holds behind its header.
public struct FrameBody: Equatable, Sendable {
    /// In whose name the writer says it; to be believed of the node's chief alone.
    public var speaker: Speaker?
    public var bytes: [UInt8]

    public init(speaker: Speaker? = nil, bytes: [UInt8]) {
        self.speaker = speaker
        self.bytes = bytes
    }

    /// As it lies in the slot, which `FrameHeader.spoken` tells apart from bare bytes.
    public var slotBytes: [UInt8] { speaker.map { $0.wireBytes + bytes } ?? bytes }
}

extension FrameHeader {
    /// What the bytes of the slot are; nil if they are not what the flags say.
    @inlinable
    public func body(of bytes: [UInt8]) -> FrameBody? { flags & Self.spoken == 0 ? FrameBody(bytes: bytes) : spokenBody(of: bytes) }

    @usableFromInline
    func spokenBody(of bytes: [UInt8]) -> FrameBody? {
        var reader = WireReader(bytes)
        guard let speaker = try? Speaker(from: &reader) else { return nil }
        return FrameBody(speaker: speaker, bytes: Array(bytes.suffix(reader.remaining)))
    }
}
