/// A session between two tasks: records both ways, under keys that nobody else has, not even the name server that issued the ticket. It belongs to
/// the pair, not to a name.
public struct Session: ~Copyable {
    public var sealer: RecordSealer
    public var opener: RecordOpener
    public let asker: Party
    public let server: InstanceName
    public let interface: Interface
    /// The same on both sides and of no other session: the hash of the handshake.
    public let identity: [UInt8]
    public let ends: BootTime

    /// A session lives no longer than this, and then asks for a new ticket.
    public static let secondsMax: UInt64 = 12 * 3_600

    init(_ result: NoiseResult, asker: Party, server: InstanceName, interface: Interface, begun: BootTime) {
        sealer = RecordSealer(result.sending)
        opener = RecordOpener(result.receiving)
        self.asker = asker
        self.server = server
        self.interface = interface
        identity = result.hash
        ends = begun.later(seconds: Self.secondsMax)
    }

    /// Throws when it has lived as long as it may. To be asked before each record, or by a timer.
    public borrowing func check(at now: BootTime) throws(SecurityRefusal) {
        guard now < ends else { throw SecurityRefusal(.sessionOver, "the session with \(server) is \(Self.secondsMax / 3_600) hours old") }
    }

    /// Whether the session ends when this instance does.
    public borrowing func isWith(_ instance: InstanceName) -> Bool { server == instance || asker == .server(instance) }
}
