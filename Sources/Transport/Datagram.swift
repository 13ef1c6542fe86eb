public import MasixLinux
public import SystemPackage

/// One message of a kernel socket, with the descriptors that came with it.
@frozen
public struct Datagram: ~Copyable {
    public let bytes: [UInt8]
    public var descriptors: DescriptorBundle

    /// Waits for the next one. `.connectionReset` when the other side has gone, `.messageTooLong` if it is over `max`,
    /// `.tooManyReferences` when descriptors were lost on the way, which the kernel of Masix never lets happen (architecture rule 22).
    public static func receive(on raw: Int32, max: Int) throws(Errno) -> Datagram {
        let buffer = DatagramBuffer(max)
        // The buffer lives over the call.
        var received = try unsafe MessageSocket.receive(on: raw, into: buffer.bytes, wait: true)
        if received.isEnd { throw .connectionReset }
        if received.isTruncated { throw .messageTooLong }
        if received.isControlTruncated { throw .tooManyReferences }
        return Datagram(bytes: buffer.array(received.byteCount), descriptors: received.takeDescriptors())
    }
}

/// Scratch memory for one datagram.
@safe
private final class DatagramBuffer {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ count: Int) { unsafe bytes = .allocate(byteCount: count, alignment: 16) }
    deinit { unsafe bytes.deallocate() }

    func array(_ count: Int) -> [UInt8] { unsafe Array(UnsafeMutableRawBufferPointer(rebasing: bytes[..<count])) }
}

extension Received {
    mutating func takeDescriptors() -> DescriptorBundle {
        var taken = DescriptorBundle()
        swap(&taken, &descriptors)
        return taken
    }
}
