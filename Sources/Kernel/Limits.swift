/// What is bounded, and how far. Whoever goes over a bound pays: its own request is refused (architecture, "bounded everything").
public struct Limits: Hashable, Sendable {
    /// Inline bytes of one message. Larger contents travel as memory objects.
    public static let inlineBytesMax = 65_536
    /// Rights in the body of one message.
    public static let rightsPerMessageMax = 256
    /// Memory objects in one message; each is one descriptor.
    public static let memoryPerMessageMax = 16
    /// Requests in one `Request.several`.
    public static let requestsTogetherMax = 256
    /// The largest queue limit of a port (spec/mach.md 1.2, the XNU form).
    public static let queueMessagesMax = 1024
    /// What a body costs in front of its descriptors, and one descriptor of each kind, as Mach's messages have them (spec/mach.md 4).
    public static let bodyHeaderBytes = 4
    public static let rightDescriptorBytes = 12
    public static let memoryDescriptorBytes = 16
    /// Slots of one direction of a link.
    public static let slotsPerDirection = 1024
    /// Bytes of text in an identity.
    public static let identityTextMax = 4096

    /// Ports (receive rights) of one task.
    public var portsPerTaskMax = 100_000
    /// Send rights of one task.
    public var sendRightsPerTaskMax = 100_000
    /// Send-once rights that one task holds.
    public var sendOncesPerTaskMax = 100_000
    /// Bytes of messages that one task has sent and nobody has received yet.
    public var queuedBytesPerTaskMax = 64 << 20
    /// Messages with the same meaning as above.
    public var queuedMessagesPerTaskMax = 65_536
    /// Memory objects that one task has sent and nobody has received yet.
    public var memoryInFlightPerTaskMax = 1_024
    /// Blocked sends of one task at a time.
    public var blockedSendsPerTaskMax = 256
    /// Links of one task, both directions together.
    public var linksPerTaskMax = 64
    /// Leases by which others may send to one task.
    public var incomingLeasesPerTaskMax = 4_096
    /// Whether links are given at all (architecture rule 1: everything is right without them).
    public var linksEnabled = true

    public init() {}
}
