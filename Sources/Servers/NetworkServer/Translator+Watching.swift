import Masix
import MasixKernel
import MasixLinux
import MasixNetwork
import MasixProtocols
import MasixWire

// What people and their programs are told: how the other nodes are, how far away they are, and which frames find a name.

/// Somebody who waits to learn how long a frame takes there and back.
struct Measure {
    let peer: UInt32
    let start: UInt64
    let reply: Held<SendOnceRight>
}

extension Translator {
    /// Anybody may ask, but for what tasks have between them.
    func tell(_ message: inout ReceivedMessage) {
        guard let reply = message.takeReply(), let request = try? NetworkRequest(wireBytes: message.bytes) else { return }
        switch request {
        case .status: answer(status().wireBytes, reply)
        case .measure(let peer): measure(peer, reply)
        case .ports:
            // The reply right goes unanswered, which tells whoever asks.
            guard let asker = try? message.senderIdentity(), asker.uid == 0 || asker.uid == space.identity.uid else { return }
            answer(SharedPorts(sharedPorts()).wireBytes, reply)
        }
    }

    private func sharedPorts() -> [SharedPort] {
        var ports = core.exported.map { SharedPort(uid: $0.port, here: $0.port, holders: $0.holders) }
        for (proxy, here) in proxyPorts { if let uid = core.proxy(proxy)?.port { ports.append(SharedPort(uid: uid.port, here: here)) } }
        return Array(ports.sorted { $0.here < $1.here }.prefix(SharedPorts.portsMax))
    }

    private func answer(_ bytes: [UInt8], _ reply: consuming SendOnceRight) {
        do throws(MasixError) {
            var answer = Message(code: NetworkRequest.code)
            if bytes.count <= Limits.inlineBytesMax { answer.bytes = bytes } else { answer.attach(try MemoryObject(bytes: bytes)) }
            try reply.send(answer)
        } catch {
            // Who asked has gone, or learns from the reply right that there is no answer.
        }
    }

    private func status() -> NetworkStatus {
        let (reports, strangers) = channels.reports()
        let peers = reports.prefix(NetworkStatus.peersMax).map { report in
            let counts = core.counts(of: report.entry.number)
            let traffic = channels.counters.peers[report.entry.number]
            return PeerStatus(
                number: report.entry.number, name: report.entry.name, address: report.entry.address, isUp: report.peer != nil,
                milliseconds: report.milliseconds, version: report.peer?.version ?? 0, software: report.peer?.software ?? "",
                exports: UInt32(clamping: counts.exports), proxies: UInt32(clamping: counts.proxies),
                framesSent: traffic?.framesSent ?? 0, framesReceived: traffic?.framesReceived ?? 0, refusal: report.trouble?.kind ?? "",
                words: String((report.trouble?.words ?? "").prefix(200)), ago: report.trouble?.ago ?? 0)
        }
        return NetworkStatus(name: channels.configuration.name, peers: peers, strangers: strangers.map { String($0.prefix(200)) })
    }

    // MARK: there and back

    /// Numbers of questions that are ours and not the core's.
    private static let firstMeasure: UInt64 = 1 << 63
    private static let measuresMax = 16

    /// A question that the other network server answers by itself: "" is no name.
    private func measure(_ peer: UInt32, _ reply: consuming SendOnceRight) {
        // The reply right goes unanswered, which tells whoever asks.
        guard channelOf[peer] != nil, measures.count < Self.measuresMax else { return }
        let number = (measures.keys.max() ?? Self.firstMeasure) + 1
        measures[number] = Measure(peer: peer, start: Clock.monotonicNanoseconds(), reply: Held(reply))
        send(.lookUp(request: number, name: "", waitMilliseconds: 0), to: peer)
    }

    /// Whether it was the answer to such a question.
    func ended(_ frame: NetworkFrame, from peer: UInt32) -> Bool {
        guard case .unknown(let number) = frame, let measure = measures[number], measure.peer == peer else { return false }
        measures[number] = nil
        if let reply = measure.reply.take() {
            answer(NetworkRoundTrip(nanoseconds: Clock.monotonicNanoseconds() - measure.start).wireBytes, reply)
        }
        return true
    }

    func giveUpMeasures(of peer: UInt32) { measures = measures.filter { $0.value.peer != peer } }

    // MARK: figure 2

    private static let unwatchedNanoseconds: UInt64 = 50_000_000

    /// Steps 3 and 6, for whoever traces: the nucleus does not see them.
    func show(_ frame: NetworkFrame, count: Int, _ peer: UInt32, isSent: Bool) {
        let (step, what): (UInt32, String)
        switch frame {
        case .lookUp(_, name: "", _): return
        case .unknown(let request) where request >= Self.firstMeasure: return
        case .lookUp: (step, what) = (3, "look-up")
        case .found(_, .send(let uid, _, _, _)), .found(_, .back(let uid)), .found(_, .third(let uid, _, _, _, _)):
            (step, what) = (6, "found \(uid)")
        case .unknown: (step, what) = (6, "unknown")
        case .notYet: (step, what) = (6, "not yet")
        case .announced(let name, let uid, _, _, _): (step, what) = (6, "announced \(name.prefix(64)) \(uid)")
        default: return
        }
        // Telling costs a request. Of many frames in a moment that nobody looks at, one asks.
        let now = Clock.monotonicNanoseconds()
        guard now >= unwatchedUntil else { return }
        let name = roster[number: peer]?.name ?? "\(peer)"
        do throws(MasixError) {
            let note = "\(what), \(isSent ? "to" : "from") node \(name)"
            if try !space.show(frameOf: count, isSent: isSent, step: step, note: note) { unwatchedUntil = now + Self.unwatchedNanoseconds }
        } catch {
            // The node is gone, which the next look says.
        }
    }
}
