import CLinux
public import SystemPackage

/// A wake-up that waits to be read (eventfd): any number of `add` before a `take` count as one sum. Neither waits.
public struct EventCounter: ~Copyable, Sendable {
    public let descriptor: Descriptor

    public init() throws(Errno) { descriptor = Descriptor(owning: Int32(try systemCall(.eventCounter) { masix_eventfd(0) })) }

    public var raw: Int32 { descriptor.raw }

    public borrowing func add(_ amount: UInt64 = 1) throws(Errno) {
        do {
            _ = try descriptor.write((0..<8).map { UInt8(truncatingIfNeeded: amount >> UInt64($0 * 8)) })
        } catch {
            // Full: it is readable already, which is all a wake-up wants.
            guard error.meansWouldBlock else { throw error }
        }
    }

    /// The sum since the last take, 0 if nothing was added.
    public borrowing func take() throws(Errno) -> UInt64 {
        do {
            return try descriptor.readBytes(max: 8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        } catch {
            if error.meansWouldBlock { return 0 }
            throw error
        }
    }
}
