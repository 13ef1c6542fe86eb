import ArgumentParser
import Masix
import MasixProtocols

/// `masix node peers`
struct NodePeersCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "peers", abstract: "List the other nodes: who is up, since when, and what went wrong last.",
        discussion: """
            EXPORTS are ports of this node that the other holds rights to, PROXIES ports of the other that tasks of this node hold rights to; \
            SENT and RECEIVED are frames since the network server began. `masix doctor PEER` looks closer at one of them.
            """)

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption

    func perform() throws {
        let status = try Self.status(of: try node.attach())
        if json.isOn {
            for peer in status.peers { try Output.line(peer.json.text) }
            return
        }
        var table = TextTable([
            ("NUMBER", .right), ("NAME", .left), ("ADDRESS", .left), ("STATE", .left), ("FOR", .right), ("EXPORTS", .right),
            ("PROXIES", .right), ("SENT", .right), ("RECEIVED", .right), ("SOFTWARE", .left), ("LAST TROUBLE", .left),
        ])
        for peer in status.peers {
            table.add([
                String(peer.number), peer.name, peer.address, peer.isUp ? "up" : "down", Figure.seconds(peer.milliseconds &* 1_000_000),
                String(peer.exports), String(peer.proxies), String(peer.framesSent), String(peer.framesReceived),
                peer.software.isEmpty ? "-" : peer.software, peer.trouble,
            ])
        }
        try Output.write(table.text)
        for words in status.strangers { try Output.line("refused a stranger at \(TextTable.printable(words))") }
    }

    /// What the network server says; an error that says why there is none.
    static func status(of space: Space) throws -> NetworkStatus { try client(of: space).status() }

    static func client(of space: Space) throws -> NetworkClient {
        do throws(NameError) { return try NetworkClient(space) } catch {
            guard case .unknown = error else { throw error }
            throw Complaint(
                "this node does not speak with others: no network server runs on it (see `masix node status` and `masix node init --listen`)",
                .notFound)
        }
    }
}

extension PeerStatus {
    /// For people.
    var trouble: String {
        refusal.isEmpty ? "-" : "\(Figure.seconds(ago &* 1_000_000)) ago: \(refusal): \(words)"
    }

    var json: JSON {
        [
            "number": JSON(number), "name": JSON(name), "address": JSON(address), "up": JSON(isUp), "milliseconds": JSON(milliseconds),
            "version": JSON(version), "software": JSON(software), "exports": JSON(exports), "proxies": JSON(proxies),
            "frames_sent": JSON(framesSent), "frames_received": JSON(framesReceived), "refusal": JSON(refusal), "words": JSON(words),
            "ago": JSON(ago),
        ]
    }
}
