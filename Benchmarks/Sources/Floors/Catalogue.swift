public import Measure

/// Which cases there are, and the floor each is compared with.
public enum Catalogue {
    public typealias Entry = (setting: Setting, floor: Floor.Kind)

    public static let local: [Entry] = calls + oneWay + transfers

    /// With leases off the floor is what carries the messages then: sockets.
    public static let localNucleus: [Entry] =
        [
            (Setting(.nullCall, size: 64, place: .localNucleus, mode: .pinned), .seqpacket),
            (Setting(.nullCall, size: 64, place: .localNucleus, mode: .untuned, thinkMicroseconds: 0, loaded: false), .seqpacket),
            (Setting(.oneWay, size: 64, place: .localNucleus, mode: .spin, depth: 64), .ring),
        ]
        + transfers.map { entry in
            var setting = entry.setting
            setting.place = .localNucleus
            return (setting, entry.floor)
        }

    /// The same call in C, beside the same floors.
    public static let inC: [Entry] = [(Mode.spin, Floor.Kind.sharedMemory), (.pinned, .eventfd)].map { mode, floor in
        var setting = Setting(.nullCall, size: 64, mode: mode)
        setting.interface = .c
        return (setting, floor)
    }

    /// Between two nodes. Both floors for each call: the wire, and a relay's hops over it.
    public static let remote: [Entry] = [Mode.pinned, .untuned].flatMap { mode in
        [64, 1 << 20, 64 << 20].flatMap { size in
            [Floor.Kind.tcp, .tcpRelays].map { kind in
                (Setting(size == 64 ? .nullCall : .outOfLine, size: size, place: .remoteRelayed, mode: mode), kind)
            }
        } + [(Setting(.resolveCold, size: 64, place: .remoteRelayed, mode: mode), .tcp)]
    }

    /// Compared with a null call in the same mode.
    public static let besideCall: [Setting] = [Mode.pinned, .untuned].map { Setting(.rightTransfer, size: 64, mode: $0) }

    /// Compared with the same set of ten members.
    public static let sets: [Setting] = [100, 1000, 10_000].map { Setting(.portSet, size: 64, mode: .spin, depth: 64, members: $0) }

    /// Compared with an object of the language that is made and kept.
    public static let allocate: [Setting] = [Setting(.allocate, size: 0, mode: .untuned)]

    /// Compared with a null call on one node.
    public static let remoteCached: [Setting] = [Mode.pinned, .untuned].map {
        Setting(.resolveCached, size: 64, place: .remoteRelayed, mode: $0)
    }

    private static let calls: [Entry] =
        [
            (Setting(.nullCall, size: 64, mode: .spin), .sharedMemory),
            (Setting(.nullCall, size: 4096, mode: .spin), .sharedMemory),
            (Setting(.nullCall, size: 64, mode: .pinned), .eventfd),
            (Setting(.nullCall, size: 4096, mode: .pinned), .eventfd),
            (Setting(.nullCall, size: 64, mode: .pinned), .seqpacket),
            (Setting(.nullCall, size: 64, mode: .pinned), .pipe),
        ]
        + [false, true].flatMap { loaded in
            [0, 50, 1000].map { (Setting(.nullCall, size: 64, mode: .untuned, thinkMicroseconds: $0, loaded: loaded), .eventfd) }
        } + [.seqpacket, .pipe].map { (Setting(.nullCall, size: 64, mode: .untuned, thinkMicroseconds: 0, loaded: false), $0) }

    private static let oneWay: [Entry] = [5, 64, 1024].map { (Setting(.oneWay, size: 64, mode: .spin, depth: $0), .ring) }

    private static let transfers: [Entry] = [
        (Setting(.rightTransfer, size: 64, mode: .pinned), .descriptor),
        (Setting(.rightTransfer, size: 64, mode: .untuned), .descriptor),
        (Setting(.outOfLine, size: 1 << 20, mode: .pinned), .memory),
        (Setting(.outOfLine, size: 1 << 20, mode: .untuned), .memory),
        (Setting(.outOfLine, size: 16 << 20, mode: .pinned), .memory),
        (Setting(.outOfLine, size: 16 << 20, mode: .untuned), .memory),
        (Setting(.outOfLine, size: 64 << 20, mode: .pinned), .memory),
        (Setting(.outOfLine, size: 64 << 20, mode: .untuned), .memory),
    ]
}
