import MasixKernel
import MasixLinux
import MasixTransport
import SystemPackage

/// One end of a link, mapped by hand.
final class RawLink {
    let id: LinkID
    let ownFile: Descriptor
    private let ownMapping: Mapping
    let own: LinkHalf
    let peer: LinkHalf
    let peerFile: Descriptor
    private let peerMapping: Mapping
    let peerStatus: StatusPage
    let peerStatusFile: Descriptor
    private let peerStatusMapping: Mapping
    let peerBell: Descriptor
    let peerTask: TaskID
    private let control: ControlMemory

    private init(
        id: LinkID, ownFile: consuming Descriptor, ownMapping: consuming Mapping, peerFile: consuming Descriptor,
        peerStatusFile: consuming Descriptor, peerBell: consuming Descriptor, peerTask: TaskID, control: ControlMemory
    ) throws {
        self.id = id
        self.peerTask = peerTask
        self.control = control
        peerMapping = try Mapping(of: peerFile.raw, length: LinkHalf.length, access: .read)
        peerStatusMapping = try Mapping(of: peerStatusFile.raw, length: StatusPage.length, access: .read)
        self.ownMapping = ownMapping
        // The mappings live as long as this object.
        unsafe own = LinkHalf(SharedRegion(base: self.ownMapping.base, length: self.ownMapping.count))
        unsafe peer = LinkHalf(SharedRegion(base: peerMapping.base, length: peerMapping.count))
        unsafe peerStatus = StatusPage(SharedRegion(base: peerStatusMapping.base, length: peerStatusMapping.count))
        self.ownFile = ownFile
        self.peerFile = peerFile
        self.peerStatusFile = peerStatusFile
        self.peerBell = peerBell
    }

    /// Sets up the one link between two tasks that has been offered to both.
    static func join(_ first: RawTask, _ second: RawTask) throws -> (RawLink, RawLink) {
        var one = try map(first)
        var two = try map(second)
        return (try show(first, &one), try show(second, &two))
    }

    struct Half: ~Copyable {
        let id: LinkID
        var file: Descriptor?
        var mapping: Mapping?
    }

    static func map(_ task: RawTask) throws -> Half {
        var reply = try task.ask(.linkOffers)
        guard case .links(let links) = reply.response, let id = links.first, let file = reply.descriptors.take(0) else {
            throw RawTask.Failure.unexpected(reply.response)
        }
        let mapping = try Mapping(of: file.raw, length: LinkHalf.length, access: .readWrite)
        let response = try task.say(.linkMapped(id))
        guard response == .done else { throw RawTask.Failure.unexpected(response) }
        return Half(id: id, file: file, mapping: mapping)
    }

    static func show(_ task: RawTask, _ half: inout Half) throws -> RawLink {
        var reply = try task.ask(.linkPeer(half.id))
        guard case .linkPeer(let peer, _, _, _) = reply.response, let file = reply.descriptors.take(0),
            let status = reply.descriptors.take(1), let bell = reply.descriptors.take(2), let own = half.file.take(),
            let mapping = half.mapping.take()
        else { throw RawTask.Failure.unexpected(reply.response) }
        return try RawLink(
            id: half.id, ownFile: own, ownMapping: mapping, peerFile: file, peerStatusFile: status, peerBell: bell, peerTask: peer,
            control: task.control)
    }

    private lazy var sending = LinkSender(link: id, own: own, peer: peer, peerStatus: peerStatus)
    private lazy var receiving = LinkReceiver(link: id, own: own, peer: peer, control: control, peerStatus: peerStatus)

    /// All steps of a send; false if there is no lease or no room, or if it was closed meanwhile.
    func send(_ bytes: [UInt8], by entry: SendEntryMemory, code: UInt32 = 0) -> Bool {
        guard let lease = entry.lease(), sending.hasRoom(lease) else { return false }
        sending.write(lease, code: code, body: bytes, reply: nil)
        guard entry.commit(lease) else { return false }
        sending.announce(.lease(takeIndex: lease.takeIndex, epoch: lease.word.epoch))
        return true
    }

    /// Announced, but home messages come first.
    private var waiting: [Announcement] = []

    /// The next frame's body, received; nil if there is none that may be received now.
    func receive() -> [UInt8]? {
        while let announcement = receiving.nextAnnouncement() { waiting.append(announcement) }
        var index = 0
        while index < waiting.count {
            guard case .frame(let frame) = receiving.look(waiting[index]) else {
                waiting.remove(at: index)
                continue
            }
            guard frame.lease.isDue(received: control.homeReceived(frame.lease.receiveIndex).acquired) else {
                index += 1
                continue
            }
            guard receiving.take(frame, takeIndex: waiting.remove(at: index).index) else { continue }
            defer { receiving.publish(frame) }
            return receiving.body(frame)
        }
        return nil
    }
}
