import Masix
import MasixLinux
import MasixNetwork
import MasixNetworkServer
import MasixProtocols

/// Why this node and another do not talk, as far as it can be known from here.
struct PeerExamination {
    typealias Finding = DoctorCommand.Finding

    let name: String
    let node: NodeOptions
    let state: NetworkState

    func findings() throws -> [Finding] {
        let roster = try state.roster()
        guard let entry = roster[name: name] else {
            let close = Closeness.names(like: name, among: roster.entries.map(\.name))
            let hint = close.isEmpty ? "" : "did you mean \(close.map { "'\($0)'" }.joined(separator: " or "))? else "
            return [
                bad(
                    "this node's roster (\(state.directory)) has no '\(name)'",
                    "\(hint)run `masix node line` on \(name) and give the line to `masix roster add` here; `masix roster list` shows who is there"
                )
            ]
        }
        if state.ownFingerprint == entry.fingerprint {
            return [bad("'\(name)' is this node itself", "name another one: `masix roster list`")]
        }
        if let own = state.ownNumber, own == entry.number {
            return [
                bad(
                    "the roster gives '\(name)' the number \(own), which is this node's own",
                    "make one of the two anew with another --number, and tell the others")
            ]
        }
        var findings = [good("the roster has '\(name)': number \(entry.number), \(entry.address)")]
        if let expires = entry.expires {
            let now = UInt64(max(0, Clock.wallMilliseconds()) / 1_000)
            findings.append(
                entry.isLive(at: now)
                    ? good("its entry expires in \(Figure.seconds((expires - now) &* 1_000_000_000))")
                    : bad(
                        "its entry expired \(Figure.seconds((now - expires) &* 1_000_000_000)) ago by this machine's clock",
                        "set the clock if it is wrong, else renew: `masix node line --epoch \(entry.epoch + 1)` on \(name), `masix roster add` here"
                    ))
        }
        let server = network(entry)
        findings += server.findings
        // Where they talk, a call says nothing that is not known.
        if server.isUp { return findings }
        let called = call(entry)
        // What the call has found is the reason today; what the network server met last may be an older one.
        return findings + called + (called.contains { $0.weight == .bad } ? [] : server.hints)
    }

    private func good(_ what: String, _ more: String = "") -> Finding { Finding(weight: .good, what: what, consequence: more) }
    private func bad(_ what: String, _ remedy: String) -> Finding { Finding(weight: .bad, what: what, consequence: remedy) }

    // MARK: the node's own network server

    private struct Told {
        var findings: [Finding] = []
        /// What may be the reason, if nothing better is found.
        var hints: [Finding] = []
        var isUp = false
    }

    private func network(_ entry: NodeRosterEntry) -> Told {
        let space: Space
        do throws(MasixError) { space = try node.attach() } catch {
            return Told(findings: [bad("no node runs at \(node.path)", "`masix node run --node \(node.path)` starts it")])
        }
        if let fault = fault(of: space) { return Told(findings: [fault]) }
        do {
            let client = try NodePeersCommand.client(of: space)
            let status = try client.status()
            guard let peer = status.peers.first(where: { $0.number == entry.number && $0.name == name && $0.address == entry.address })
            else {
                return Told(findings: [
                    bad(
                        "the network server does not know '\(name)' as the roster has it: it has not read it since it was changed",
                        "tell it: `kill -HUP` of its process (`masix node status`), or start the node again")
                ])
            }
            let time = Figure.seconds(peer.milliseconds &* 1_000_000)
            guard !peer.isUp else {
                let findings = [
                    good("'\(name)' is up, for \(time), with Masix \(peer.software), version \(peer.version) of the channel's protocol"),
                    try roundTrip(client, entry),
                ]
                return Told(findings: findings, isUp: true)
            }
            var told = Told(findings: [bad("'\(name)' is down, for \(time)", peer.refusal.isEmpty ? "" : "last \(peer.trouble)")])
            if let remedy = Explanation.network(peer.refusal)?.remedy { told.hints.append(bad(peer.refusal, remedy)) }
            for words in status.strangers {
                told.hints.append(
                    Finding(
                        weight: .weaker, what: "somebody was refused: \(TextTable.printable(words))",
                        consequence: "if that was '\(name)', its key has changed: `masix node line` there, `masix roster add` here"))
            }
            return told
        } catch {
            return Told(findings: [
                bad("the network server does not answer: \(Complaint(any: error).words)", "see \(node.path)/node.log")
            ])
        }
    }

    /// Why the node has no network server that could answer.
    private func fault(of space: Space) -> Finding? {
        guard let roles = try? SupervisorClient(space).status().roles else { return nil }
        guard let role = roles.first(where: { $0.name == NetworkRequest.name }) else {
            return bad(
                "this node was started without a network server",
                state.ownNumber == nil
                    ? "`masix node init --listen HOST:PORT --name NAME --number N` makes it ready; then stop it and start it again"
                    : "it has been made ready since: stop it and start it again")
        }
        guard role.state != .running else { return nil }
        return bad("the network server does not run: \(role.state), \(role.lastEnd)", "see \(node.path)/node.log for why")
    }

    private static let roundTrips = 5

    /// The shortest of a few: what the way itself takes.
    private func roundTrip(_ client: borrowing NetworkClient, _ entry: NodeRosterEntry) throws -> Finding {
        var shortest = UInt64.max
        do throws(MasixError) {
            for _ in 0..<Self.roundTrips { shortest = min(shortest, try client.measure(entry.number, timeout: .seconds(2))) }
        } catch .timedOut {
            return bad(
                "no answer comes back within 2 s", "the other node's network server is busy or stands still: `masix node status` there")
        } catch .noReply {
            return bad("it has just gone down", "ask again: this time the reason is looked for")
        }
        return good("there and back between the network servers: \(Figure.microseconds(shortest)), the shortest of \(Self.roundTrips)")
    }

    // MARK: a call of our own

    private func call(_ entry: NodeRosterEntry) -> [Finding] {
        let key: NodeKey
        do throws(Complaint) { key = try state.key() } catch {
            return [
                Finding(
                    weight: .weaker, what: "no call was tried: \(error.words)",
                    consequence: "root, or whoever owns the node's key, learns more")
            ]
        }
        do {
            return [finding(try NodeProbe.call(entry, key: key), entry)]
        } catch {
            return [bad("no call could be made: \(error)", "")]
        }
    }

    private func finding(_ outcome: NodeProbe.Outcome, _ entry: NodeRosterEntry) -> Finding {
        switch outcome {
        case .greeted(let hello):
            if let refusal = Self.refusal(of: hello, entry) {
                return bad("\(entry.address) answers, but: \(refusal)", remedy(refusal.kind))
            }
            return good(
                "\(entry.address) answers with the roster's key, takes ours, and speaks our version (\(hello.software))",
                "the nodes can talk; the network servers try again by themselves")
        case .unreachable(let words):
            return bad("\(entry.address) cannot be reached: \(words)", Explanation.network("unreachable")?.remedy ?? "")
        case .timedOut:
            return bad(
                "no connection with \(entry.address) in time: what is sent there is dropped, or the machine is off", remedy(.timedOut))
        case .silent:
            return bad(
                "\(entry.address) takes the connection and says nothing",
                "the process there stands still, or is no node: `masix node status` on \(name), and see who listens there")
        case .wrongKey(let fingerprint):
            return bad("\(entry.address) answers with the key \(fingerprint), which is not the roster's", remedy(.wrongKey))
        case .refusedOurKey:
            return bad(
                "\(entry.address) refuses this node's key",
                "on \(name): its roster must have this node by the line that `masix node line` prints here, and not expired by the clock there (`masix roster list`, `masix roster add`)"
            )
        case .cut(let words):
            return bad(
                "\(entry.address) has the right key and hangs up without a word: \(words)",
                "the log of \(name) says why; it may have too many callers, or be about to stop: ask again")
        case .noAgreement(let words): return bad("\(entry.address) answers, but not as a node does: \(words)", remedy(.handshake))
        }
    }

    private func remedy(_ kind: ChannelRefusal.Kind) -> String { Explanation.of(kind).remedy }

    private static func refusal(of hello: ChannelHello, _ entry: NodeRosterEntry) -> ChannelRefusal? {
        guard hello.node.number == entry.number else { return .wrongNumber(claimed: hello.node.number, rosterSays: entry.number) }
        let (ours, theirs) = (ChannelVersions.current, hello.versions)
        if theirs.highest < ours.lowest { return .peerTooOld(ours: ours, theirs: theirs) }
        if theirs.lowest > ours.highest { return .peerTooNew(ours: ours, theirs: theirs) }
        return nil
    }
}
