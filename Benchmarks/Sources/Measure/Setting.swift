/// What is measured.
public enum CaseName: String, Codable, CaseIterable, Sendable {
    /// A request of `size` bytes and a reply of as many; every byte is written and read on both ways.
    case nullCall = "null-call"
    /// A stream of messages of `size` bytes, the receiver reading every byte; figures are per message.
    case oneWay = "one-way"
    /// A call that takes one send right along, to a port of a third party; the receiver drops it before it replies.
    case rightTransfer = "right-transfer"
    /// A call with `size` bytes of out-of-line memory; the receiver reads the first, the middle and the last byte, then replies.
    case outOfLine = "out-of-line"
    /// A stream as in `oneWay` to one member of a port set, all other members silent.
    case portSet = "port-set"
    /// Making a port and keeping it; figures are per port, everything that is done once in many ports included.
    case allocate
    /// Looking up a name that another node knows and this one has not yet asked for.
    case resolveCold = "resolve-cold"
    /// Looking up the same name again.
    case resolveCached = "resolve-cached"
}

/// Which way the messages of Masix take.
public enum Place: String, Codable, CaseIterable, Sendable {
    /// Leases on.
    case local
    /// Leases off: every message passes the nucleus.
    case localNucleus = "local-nucleus"
    /// Between two nodes of one machine: by their network servers, over TLS on the loopback interface.
    case remoteRelayed = "remote-relayed"
}

/// In which language Masix's sides of a case are written.
public enum Interface: String, Codable, CaseIterable, Sendable {
    case swift
    /// By `mach_msg`.
    case c
}

/// How the two sides get processors.
public enum Mode: String, Codable, CaseIterable, Sendable {
    /// Each on a processor of its own, waiting without sleep.
    case spin
    /// Both on one processor, waiting by sleep.
    case pinned
    /// As Linux likes.
    case untuned
}

/// All that a contender must know to take part in a case.
public struct Setting: Hashable, Sendable {
    public var name: CaseName
    /// Bytes of a message, or of the memory out of line.
    public var size: Int
    public var place: Place
    public var mode: Mode
    /// How long the caller sleeps before each call (see `think(nanoseconds:)`), nil where nobody thinks.
    public var thinkMicroseconds: Int?
    /// Whether every processor is also kept busy by somebody else, nil where that is not asked.
    public var loaded: Bool?
    /// How many messages may be under way at once, for `oneWay`.
    public var depth: Int?
    public var interface = Interface.swift
    /// How many members the set has, for `portSet`.
    public var members: Int?

    /// How many calls or messages one sample stands for. Of messages that flow, many times what may be under way: a sample then holds
    /// both the filling and the draining of the queue, and its share per message is the pace.
    public var operationsPerSample: Int {
        switch name {
        case .oneWay, .portSet: max(256, 8 * (depth ?? 1))
        case .allocate: 256
        case .nullCall, .rightTransfer, .outOfLine, .resolveCold, .resolveCached: 1
        }
    }

    public init(
        _ name: CaseName, size: Int, place: Place = .local, mode: Mode, thinkMicroseconds: Int? = nil, loaded: Bool? = nil,
        depth: Int? = nil, members: Int? = nil
    ) {
        self.name = name
        self.size = size
        self.place = place
        self.mode = mode
        self.thinkMicroseconds = thinkMicroseconds
        self.loaded = loaded
        self.depth = depth
        self.members = members
    }
}
