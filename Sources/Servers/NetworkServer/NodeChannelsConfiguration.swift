public import Logging
public import MasixKernel
import MasixLinux
public import MasixNetwork

/// What `NodeChannels` needs to know.
public struct NodeChannelsConfiguration: Sendable {
    /// This node, in its present life.
    public var node: NodeID
    /// When in that life the network server began: nanoseconds of the machine's monotonic clock, later than every one before it.
    public var start: UInt64
    /// As in the roster.
    public var name: String
    public var key: NodeKey
    public var roster: NodeRoster
    /// An address of this machine, or a name of one.
    public var listenHost: String
    /// 0 takes any port that is free; see `NodeChannels.port`.
    public var listenPort: UInt16
    /// For people at the other end; at most 63 bytes.
    public var software: String
    public var versions = ChannelVersions.current
    /// That of the bodies of this node's tasks, as other nodes are told. With another one than the machine's the node does as a machine of
    /// that order would: bodies leave and come in it.
    public var order = ByteOrder.host
    public var limits = NodeChannelsLimits()
    public var logger: Logger
    /// Chance for the back-off: any number, all equally likely. Called on the event loop.
    public var random: @Sendable () -> UInt64
    /// Seconds since 1970, for the expiry of entries.
    public var now: @Sendable () -> UInt64

    public init(
        node: NodeID, name: String, key: NodeKey, roster: NodeRoster, listenHost: String, listenPort: UInt16, software: String,
        logger: Logger, random: (@Sendable () -> UInt64)? = nil, now: (@Sendable () -> UInt64)? = nil
    ) {
        self.node = node
        start = Clock.monotonicNanoseconds()
        self.name = name
        self.key = key
        self.roster = roster
        self.listenHost = listenHost
        self.listenPort = listenPort
        self.software = software
        self.logger = logger
        self.random = random ?? { UInt64.random(in: .min ... .max) }
        self.now = now ?? { UInt64(max(0, Clock.wallMilliseconds()) / 1000) }
    }
}

/// The bounds of all that strangers and peers can cost. Times in milliseconds, sizes in bytes.
public struct NodeChannelsLimits: Sendable, Hashable {
    /// Of one frame, at most 1 MiB.
    public var frameBytesMax = 1 << 20
    /// From a connection to its hello; also what a dialled connection may take to be made.
    public var helloMilliseconds: Int64 = 2_000
    /// Connections that have not yet said who they are: more are closed at once.
    public var halfOpenMax = 64
    /// How many connections one address may make at once, and how many a second after that.
    public var addressBurst = 64
    public var addressPerSecond = 32
    /// A side that has sent nothing for so long sends a ping.
    ///
    /// An idle pair costs each node at this period one timer, one packet of 27 bytes above TCP out, and one in: with 600 ms
    /// somewhat above three wake-ups a second.
    public var pingMilliseconds: Int64 = 600
    /// A session in which no byte has come for so long is dead: calls and messages wait no longer for a network server that is not heard.
    /// While our own reading is paused, silence does not count.
    public var silenceMilliseconds: Int64 = 1_900
    /// A connection on which no byte has come for so long is given up, and another one is made for the session.
    public var stallMilliseconds: Int64 = 1_300
    /// Where nobody listens any more, a session without a connection is dead after so long: the network server there has ended.
    public var unattendedMilliseconds: Int64 = 250
    /// What has come is acknowledged after so long, if nothing has been said meanwhile.
    public var acknowledgementMilliseconds: Int64 = 100
    /// Above so many bytes that the other side has not acknowledged `send` asks for patience; `.drained` comes at half of it.
    public var highWaterBytes = 4 << 20
    /// Above so many of them the channel is closed: whoever sends has not listened.
    public var overrunBytes = 64 << 20
    /// The first pause between two dials, doubled up to the last one. Each pause is between half and the whole of it, by chance.
    public var dialFirstMilliseconds: Int64 = 50
    public var dialLastMilliseconds: Int64 = 5_000
    /// The longest of them while a session waits for a connection.
    public var dialAgainMilliseconds: Int64 = 200

    public init() {}
}
