public import Masix
import MasixKernel
import MasixLinux
public import MasixNetwork
import NIOCore
import NIOPosix
import Synchronization

/// The network server of a node (the paper's R): an ordinary task, the chief of the node for everything that goes to other nodes.
///
/// What it decides, `NetworkCore` decides; the channels are `NodeChannels`; here rights are held and messages carried between the
/// two (`Translator`). All of it runs on the channels' event loop.
public final class NetworkServer: Sendable {
    private let channels: NodeChannels
    private let place: Place
    private let space: Space
    private let announcements: NameAnnouncements

    /// Where the loop finds what belongs to it.
    private final class Place: Sendable {
        let box = Mutex<NIOLoopBoundBox<Translator?>?>(nil)
        var translator: Translator? { box.withLock { $0 }?.value }
    }

    /// A network server that runs when it is started. `space` is its task, which the node's first task has made the chief.
    /// `announcements` is what it tells all nodes of names, and whether it hears what they tell.
    public init(space: Space, configuration: NodeChannels.Configuration, announcements: NameAnnouncements = []) {
        let place = Place()
        self.place = place
        self.space = space
        self.announcements = announcements
        channels = NodeChannels(configuration: configuration) { event in place.translator?.take(event) }
        place.box.withLock { $0 = NIOLoopBoundBox.makeEmptyBox(valueType: Translator.self, eventLoop: channels.eventLoop) }
    }

    /// The port that is listened to.
    public var port: UInt16? { channels.port }

    /// Begins to serve: tells the name server, listens, dials. `ended` is called when the node is gone, with nothing left to do.
    public func start(ended: @escaping @Sendable () -> Void) throws {
        let loop = channels.eventLoop
        let (channels, space, place, announcements) = (channels, space, place, announcements)
        try loop.submit {
            let translator = try Translator(space: space, channels: channels, ended: ended)
            place.box.withLock { $0 }?.value = translator
            translator.core.announcements = announcements
            try translator.begin()
        }.wait()
        try channels.start()
        // Frames may come before the first message: from here on both are taken.
        let bell = try space.beginLoop()
        _ = try NIOPipeBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NewsHandler { place.translator?.drain() })
                }
            }
            .takingOwnershipOfDescriptor(input: try Descriptor.duplicate(of: bell).relinquish()).wait()
        loop.execute { place.translator?.drain() }
    }

    /// A new roster counts from now on.
    public func replace(_ roster: NodeRoster) {
        channels.replace(roster)
        channels.eventLoop.execute { [place] in place.translator?.expect(roster) }
    }

    /// What is told to all nodes from now on.
    public func announce(_ announcements: NameAnnouncements) {
        channels.eventLoop.execute { [place] in place.translator?.core.announcements = announcements }
    }

    /// What there is between this node and the others, for people and tests.
    public func summary() throws -> NetworkSummary {
        try channels.eventLoop.submit { [place] in place.translator?.summary() ?? NetworkSummary() }.wait()
    }

    public var counters: NodeChannelsCounters { channels.counters }

    /// Says goodbye to the other nodes and ends. Not to be called on the event loop.
    public func stop() {
        try? channels.eventLoop.submit { [place] in place.translator?.end() }.wait()
        channels.stop()
    }
}

/// What stands between this node and the others.
public struct NetworkSummary: Hashable, Sendable {
    public var peers: [String] = []
    public var proxies = 0
    public var exports = 0
    /// Nothing is held, nothing under way.
    public var isEmpty = true

    public init() {}
}

/// Looks at the messages whenever somebody has rung. What is read are rings, and says no more.
private final class NewsHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let look: () -> Void
    init(_ look: @escaping () -> Void) { self.look = look }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
    func channelReadComplete(context: ChannelHandlerContext) { look() }
}
