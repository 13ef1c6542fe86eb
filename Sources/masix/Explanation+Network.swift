import MasixNetwork

// Why two nodes do not talk.

extension Explanation {
    private static let kind = "refusal between nodes"

    /// Refusals, and what else ends a channel.
    static var betweenNodes: [Explanation] {
        ChannelRefusal.Kind.allCases.map(of) + [
            Explanation(
                kind: kind, name: "unreachable", number: nil, meaning: "the other node's address cannot be reached",
                cause: "nothing listens there (refused), or there is no way to the machine",
                remedy:
                    "see that the other node runs and listens on that address (`masix node status` there), and that no firewall is between"),
            Explanation(
                kind: kind, name: "lost", number: nil, meaning: "the connection with the other node ended without a word",
                cause: "its network server or its machine ended, it did not take this node's key, or the network failed",
                remedy: "look at the other node (`masix node status`, and `masix doctor` with this node's name there)"),
            Explanation(
                kind: kind, name: "silent", number: nil, meaning: "nothing was heard from the other node for too long",
                cause: "its machine stands still, or the network does",
                remedy: "look at the other machine; the channel comes again by itself"),
        ]
    }

    static func network(_ name: String) -> Explanation? { betweenNodes.first { $0.name == name } }

    static func of(_ refusal: ChannelRefusal.Kind) -> Explanation {
        func explain(_ meaning: String, _ cause: String, _ remedy: String) -> Explanation {
            Explanation(kind: kind, name: "\(refusal)", number: nil, meaning: meaning, cause: cause, remedy: remedy)
        }
        let line = "run `masix node line` on the one node and `masix roster add` with it on the other"
        switch refusal {
        case .unknownKey:
            return explain(
                "somebody called whose key no node of the roster has", "a node that is not in the roster, or has a new key", line)
        case .wrongKey:
            return explain(
                "at the other node's address somebody with another key answered",
                "the node there has been made anew, or the address is another's",
                "compare `masix node line` there with `masix roster list` here; if the new key is right, add its line with a higher --epoch"
            )
        case .expired:
            return explain(
                "the roster's entry of the other node has expired", "its time is over by this machine's clock",
                "set the clock if it is wrong, else add a line with a later --expires and a higher --epoch")
        case .certificateCount, .unreadableCertificate:
            return explain(
                "the other side showed no certificate that can be read", "it is no node, or a faulty one", "see what listens there")
        case .handshake:
            return explain(
                "the two sides came to no agreement on TLS", "what answers is no node, or was built with another TLS",
                "see what listens at the address; a node speaks TLS 1.3 alone")
        case .applicationProtocol:
            return explain("the other side does not speak masix/1", "another program listens there", "see what listens at the address")
        case .wrongNumber:
            return explain("the other node says another number than its key has here", "the rosters of the two nodes differ", line)
        case .ownKey:
            return explain(
                "the node met itself", "a directory was copied with its key, or an entry has this node's own address",
                "make a new key: `masix node init` in a directory without node.key")
        case .peerTooOld:
            return explain("the other node speaks only older versions", "it has not been upgraded", "upgrade the other node")
        case .peerTooNew:
            return explain("the other node speaks only newer versions", "this node has not been upgraded", "upgrade this node")
        case .staleIncarnation:
            return explain(
                "the other node is in an earlier life than one that was heard", "an old copy of it runs, or its directory was set back",
                "stop the copy; else start this node's network server again")
        case .staleLife:
            return explain(
                "the other node's network server is one that has been started again since", "a process that ends slowly, or a copy of it",
                "nothing if it is gone soon; else see which processes run there as `masixd network`")
        case .deadSession:
            return explain(
                "what this node was about to go on with had died on the other side",
                "the nodes have not heard of each other for too long, or the other one has broken the protocol or been taken out of a roster",
                "nothing: they begin anew; the log of the other node says why")
        case .duplicate:
            return explain("there is a channel with this node already", "both nodes dialled at once", "nothing: one of the two is kept")
        case .tooLarge, .emptyFrame, .malformedHello, .malformedControl, .unknownControl, .frameBeforeHello, .secondHello,
            .unexpectedAcceptance, .overrun, .protocolViolation, .impossibleResumption, .miscountedFrames:
            return explain(
                "what the other side said is not the protocol", "a faulty or hostile node",
                "the logs of both nodes say what it was; see that both are of a released version")
        case .timedOut:
            return explain(
                "nothing was heard in time", "the machine is off, a firewall drops what is sent, or the address is wrong",
                "see that the machine answers, and that its firewall lets the port through")
        case .tooManyConnections, .addressTooFast:
            return explain(
                "more connections than are taken at once", "somebody calls again and again", "see who calls: the log has the address")
        case .notInRoster:
            return explain("the other node's entry was removed or replaced", "`masix roster remove`, or a new line", line)
        }
    }
}
