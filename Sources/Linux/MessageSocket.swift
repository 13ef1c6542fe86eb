import CLinux
public import SystemPackage

/// The two ends of a connected pair.
@frozen
public struct SocketPair: ~Copyable, Sendable {
    public var first: Descriptor
    public var second: Descriptor

    public init(first: consuming Descriptor, second: consuming Descriptor) {
        self.first = first
        self.second = second
    }
}

/// One message as it came from a socket.
@frozen
public struct Received: ~Copyable, Sendable {
    /// Bytes stored in the caller's buffer.
    public let byteCount: Int
    /// True when the other side is gone and nothing more will come. (An empty message looks the same: nobody may send one.)
    public let isEnd: Bool
    /// The message was longer than the buffer; the rest is lost (or still there, after a peek).
    public let isTruncated: Bool
    /// Descriptors were lost, for this process's table was full; or came and were not asked for.
    public let isControlTruncated: Bool
    public var descriptors: DescriptorBundle

    public init(byteCount: Int, isEnd: Bool, isTruncated: Bool, isControlTruncated: Bool, descriptors: consuming DescriptorBundle) {
        self.byteCount = byteCount
        self.isEnd = isEnd
        self.isTruncated = isTruncated
        self.isControlTruncated = isControlTruncated
        self.descriptors = descriptors
    }
}

/// Unix sockets that keep message borders and carry descriptors (SOCK_SEQPACKET).
///
/// No call raises SIGPIPE; all descriptors are closed on exec.
public enum MessageSocket {
    /// Most descriptors that one message can carry.
    public static let descriptorsPerMessageMax = 253

    public static func pair(nonBlocking: Bool = false) throws(Errno) -> SocketPair {
        var ends: (Int32, Int32) = (-1, -1)
        let type = Int32(SOCK_SEQPACKET.rawValue) | (nonBlocking ? Int32(SOCK_NONBLOCK.rawValue) : 0)
        // The shim stores two numbers into the pair.
        _ = try systemCall(.socket) {
            unsafe withUnsafeMutableBytes(of: &ends) { unsafe masix_socketpair($0.assumingMemoryBound(to: Int32.self).baseAddress, type) }
        }
        return SocketPair(first: Descriptor(owning: ends.0), second: Descriptor(owning: ends.1))
    }

    private static func make(nonBlocking: Bool) throws(Errno) -> Descriptor {
        let type = Int32(SOCK_SEQPACKET.rawValue) | (nonBlocking ? Int32(SOCK_NONBLOCK.rawValue) : 0)
        return Descriptor(owning: Int32(try systemCall(.socket) { masix_socket(type) }))
    }

    /// A listening socket, which does not wait, at a path that must not exist. Who may connect is decided by `mode`, set before listening.
    public static func listen(path: String, mode: UInt32 = 0o600, backlog: Int = 128) throws(Errno) -> Descriptor {
        let path = try checkedPath(path)
        let socket = try make(nonBlocking: true)
        let raw = socket.raw
        // The path is a C string that lives over the call.
        _ = try systemCall(.bind) { unsafe masix_bind(raw, path) }
        try File.changeMode(path, to: mode)
        _ = try systemCall(.listen) { masix_listen(raw, Int32(clamping: backlog)) }
        return socket
    }

    /// The next connection; nil when none is waiting. A connection that broke off before is passed over.
    public static func accept(_ raw: Int32) throws(Errno) -> Descriptor? {
        while true {
            do {
                return Descriptor(owning: Int32(try systemCall(.accept) { masix_accept(raw) }))
            } catch {
                if error.meansWouldBlock { return nil }
                guard error == .connectionAbort else { throw error }
            }
        }
    }

    /// Connects; `.connectionRefused` or `.noSuchFileOrDirectory` when nobody listens. The socket waits unless told otherwise.
    public static func connect(path: String) throws(Errno) -> Descriptor {
        let path = try checkedPath(path)
        let socket = try make(nonBlocking: false)
        let raw = socket.raw
        // The path is a C string that lives over the call.
        _ = try systemCall(.connect) { unsafe masix_connect(raw, path) }
        return socket
    }

    /// Sends one message, `header` then `body`, with duplicates of the descriptors.
    ///
    /// A message goes whole or not at all. `.wouldBlock` when `wait` is false and the other side's buffer is full, `.brokenPipe` or
    /// `.connectionReset` when it is gone, `.tooManyReferences` when too many descriptors are under way. Allocates nothing.
    public static func send(
        on raw: Int32, header: UnsafeRawBufferPointer, body: UnsafeRawBufferPointer, descriptors: [Int32] = [], wait: Bool
    ) throws(Errno) {
        let flags = wait ? 0 : Int32(MSG_DONTWAIT)
        // The shim reads the two buffers and the array within their counts; all live over the call.
        _ = try systemCall(.send) {
            unsafe masix_send(
                raw, header.baseAddress, header.count, body.baseAddress, body.count, descriptors, descriptors.count, flags)
        }
    }

    /// Sends one message of one part.
    public static func send(on raw: Int32, _ bytes: UnsafeRawBufferPointer, descriptors: [Int32] = [], wait: Bool) throws(Errno) {
        try unsafe send(on: raw, header: bytes, body: UnsafeRawBufferPointer(start: nil, count: 0), descriptors: descriptors, wait: wait)
    }

    /// Sends one message.
    public static func send(on raw: Int32, _ bytes: [UInt8], descriptors: [Int32] = [], wait: Bool) throws(Errno) {
        let flags = wait ? 0 : Int32(MSG_DONTWAIT)
        // Both arrays live over the call.
        _ = try systemCall(.send) { unsafe masix_send(raw, bytes, bytes.count, nil, 0, descriptors, descriptors.count, flags) }
    }

    /// Receives one message into `buffer`.
    ///
    /// With `peek` it stays in the socket: the next receive brings it again, and its descriptors, of which a peek has handed out
    /// duplicates. With `takingDescriptors` false none are installed and `isControlTruncated` tells that there were some.
    /// `.wouldBlock` when `wait` is false and nothing is there. Allocates only if descriptors come.
    public static func receive(
        on raw: Int32, into buffer: UnsafeMutableRawBufferPointer, peek: Bool = false, wait: Bool, takingDescriptors: Bool = true
    ) throws(Errno) -> Received {
        if wait, let schedule = ScheduledThread.current { schedule.wait(for: .answer(raw), until: nil) }
        let flags = (wait ? 0 : Int32(MSG_DONTWAIT)) | (peek ? Int32(MSG_PEEK) : 0)
        var places = InlineArray<253, Int32>(repeating: -1)
        var descriptorCount = 0
        var messageFlags: Int32 = 0
        // The shim stores at most `count` bytes and 253 numbers, for which there is room.
        let byteCount = try systemCall(.receive) {
            var span = places.mutableSpan
            return unsafe span.withUnsafeMutableBufferPointer { places in
                unsafe masix_receive(
                    raw, buffer.baseAddress, buffer.count, takingDescriptors ? places.baseAddress : nil, &descriptorCount, &messageFlags,
                    flags)
            }
        }
        var numbers: [Int32] = []
        for index in 0..<descriptorCount { numbers.append(places[index]) }
        return Received(
            byteCount: byteCount, isEnd: byteCount == 0 && descriptorCount == 0,
            isTruncated: messageFlags & Int32(MSG_TRUNC) != 0, isControlTruncated: messageFlags & Int32(MSG_CTRUNC) != 0,
            descriptors: DescriptorBundle(owning: numbers))
    }

    /// One datagram to whoever listens at `path`, a path or, after an `@`, an abstract name: what service supervisors are told with.
    public static func tell(path: String, _ bytes: [UInt8]) throws(Errno) {
        let path = try checkedPath(path)
        // The path is a C string and the array lives over the call.
        _ = try systemCall(.send) { unsafe masix_tell_path(path, bytes, bytes.count) }
    }

    /// Sets both buffers to about `bytes`, within the system's limit.
    public static func setBufferSize(_ raw: Int32, bytes: Int) throws(Errno) {
        _ = try systemCall(.socketOption) { masix_set_socket_int(raw, SO_SNDBUF, Int32(clamping: bytes)) }
        _ = try systemCall(.socketOption) { masix_set_socket_int(raw, SO_RCVBUF, Int32(clamping: bytes)) }
    }

    /// About how much of what was sent the other side has not read yet, in bytes with Linux's overhead; 0 means nothing.
    public static func unread(_ raw: Int32) throws(Errno) -> Int { try systemCall(.socketOption) { masix_unread_by_peer(raw) } }

    /// Ends sending, so that the other side reads the end after what is under way.
    public static func endSending(_ raw: Int32) throws(Errno) {
        _ = try systemCall(.socketOption) { masix_shutdown(raw, Int32(SHUT_WR)) }
    }

    /// Ends both directions for every holder of the socket.
    public static func end(_ raw: Int32) throws(Errno) {
        _ = try systemCall(.socketOption) { masix_shutdown(raw, Int32(SHUT_RDWR)) }
    }
}
