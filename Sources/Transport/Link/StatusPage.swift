/// What a task lets everybody with a link to it see: whether it must be rung, and where it runs. Written by that task alone.
///
/// ```
/// 0x00 asleep     u32   0, or the number of a sleep in which no thread of the task is looking: ring, once for each number
/// 0x40 waiting    u32   0, or the number of a wait for room in which a thread sleeps: ring once when a frame has been received
/// 0x80 processor  u32   where it last began to wait
/// ```
public struct StatusPage: Sendable {
    public static let length = 4096
    let region: SharedRegion

    public init(_ region: SharedRegion) {
        precondition(region.length >= Self.length)
        self.region = region
    }

    @inline(__always) public var asleep: SharedWord32 { region.word32(0) }
    @inline(__always) public var waiting: SharedWord32 { region.word32(0x40) }
    @inline(__always) public var processor: SharedWord32 { region.word32(0x80) }
}
