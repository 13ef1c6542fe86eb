import Glibc
import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire

/// A task without a library, that keeps every descriptor it is given.
final class BareTask {
    let socket: Descriptor
    let welcome: Welcome
    let controlFile: Descriptor
    let statusFile: Descriptor
    let bell: Descriptor
    let controlMapping: Mapping
    let statusMapping: Mapping
    let control: ControlMemory
    let status: StatusPage
    private var number: UInt64 = 0

    enum Failure: Error { case noDescriptor, unexpected(Response), nothingCame(String) }

    init(directory: String) throws {
        let socket = try MessageSocket.connect(path: directory + "/node.socket")
        try MessageSocket.send(on: socket.raw, Hello().wireBytes, wait: true)
        var datagram = try Datagram.receive(on: socket.raw, max: Envelope<Response>.bytesMax)
        welcome = try Welcome(wireBytes: datagram.bytes)
        guard let control = datagram.descriptors.take(0), let status = datagram.descriptors.take(1), let bell = datagram.descriptors.take(2)
        else { throw Failure.noDescriptor }
        controlMapping = try Mapping(of: control.raw, length: ControlMemory.length, access: .readWrite)
        statusMapping = try Mapping(of: status.raw, length: StatusPage.length, access: .readWrite)
        // Both mappings live as long as this task.
        self.control = unsafe ControlMemory(SharedRegion(base: controlMapping.base, length: controlMapping.count))
        self.status = unsafe StatusPage(SharedRegion(base: statusMapping.base, length: statusMapping.count))
        controlFile = control
        statusFile = status
        self.bell = bell
        self.socket = socket
    }

    struct Reply: ~Copyable {
        let response: Response
        let payload: [UInt8]
        var descriptors: DescriptorBundle
    }

    func ask(_ request: Request, payload: [UInt8] = []) throws -> Reply {
        number += 1
        try MessageSocket.send(on: socket.raw, Envelope(number: number, content: request, payload: payload).wireBytes, wait: true)
        var datagram = try Datagram.receive(on: socket.raw, max: Envelope<Response>.bytesMax)
        let envelope = try Envelope<Response>(wireBytes: datagram.bytes)
        var descriptors = DescriptorBundle()
        swap(&descriptors, &datagram.descriptors)
        return Reply(response: envelope.content, payload: envelope.payload, descriptors: descriptors)
    }

    func send(_ bytes: [UInt8], code: UInt32 = 0, to port: PortID, reply: Transfer = .null) throws -> Response {
        try ask(
            .send(Outgoing(to: .copySend(port), reply: reply, code: code, payload: Payload(place: 0, length: UInt32(bytes.count)))),
            payload: bytes
        ).response
    }

    /// A send right that somebody has left at the exchange under this name: its port, and its place in control memory.
    func fetch(_ name: String) throws -> (port: PortID, index: UInt32) {
        guard case .send(let exchange, _) = welcome.bootstrap else { throw Failure.noDescriptor }
        guard case .portBlock(let own, _) = try ask(.portBlock).response else { throw Failure.noDescriptor }
        _ = try ask(.allocate(own, queueLimit: 1))
        _ = try send(Array(name.utf8), code: 2, to: exchange, reply: .makeSendOnce(own))
        for _ in 0..<2_000 {
            if case .message(let message) = try ask(.receive(own)).response {
                guard case .send(let port, let index)? = message.rights.first else { break }
                return (port, index)
            }
            usleep(5_000)
        }
        throw Failure.nothingCame(name)
    }
}

/// Our end of the link to a victim, with both halves and everything else that came along.
final class BareLink {
    let ownFile: Descriptor
    let ownMapping: Mapping
    let peerFile: Descriptor
    let peerMapping: Mapping
    let peerStatusFile: Descriptor
    let peerStatusMapping: Mapping
    let peerBell: Descriptor

    /// Sends until the nucleus offers a link, and until the victim has taken it up.
    init(of task: BareTask, to victim: (port: PortID, index: UInt32)) throws {
        let offer = try Self.offer(to: task, from: victim.port)
        let link = offer.link
        let file = offer.intoFile()
        ownMapping = try Mapping(of: file.raw, length: LinkHalf.length, access: .readWrite)
        ownFile = file
        _ = try task.ask(.linkMapped(link))
        for _ in 0..<1_000 {
            var answer = try task.ask(.linkPeer(link))
            if case .linkPeer = answer.response, let peer = answer.descriptors.take(0), let status = answer.descriptors.take(1),
                let bell = answer.descriptors.take(2)
            {
                peerMapping = try Mapping(of: peer.raw, length: LinkHalf.length, access: .read)
                peerStatusMapping = try Mapping(of: status.raw, length: StatusPage.length, access: .read)
                peerFile = peer
                peerStatusFile = status
                peerBell = bell
                // With a lease it matters what is written into the slots.
                for _ in 0..<500 where task.control.send(victim.index).lease() == nil {
                    _ = try task.send([4], to: victim.port)
                    usleep(2_000)
                }
                guard task.control.send(victim.index).lease() != nil else { throw BareTask.Failure.nothingCame("lease") }
                return
            }
            usleep(2_000)
        }
        throw BareTask.Failure.nothingCame("the other half")
    }

    private struct Offer: ~Copyable {
        let link: LinkID
        let file: Descriptor

        consuming func intoFile() -> Descriptor { file }
    }

    private static func offer(to task: BareTask, from port: PortID) throws -> Offer {
        for _ in 0..<1_000 {
            _ = try task.send([1, 2, 3], to: port)
            var offers = try task.ask(.linkOffers)
            if case .links(let links) = offers.response, let link = links.first, let file = offers.descriptors.take(0) {
                return Offer(link: link, file: file)
            }
            usleep(2_000)
        }
        throw BareTask.Failure.nothingCame("offer")
    }
}
