package import MasixKernel
import MasixTransport
import Synchronization

// The chief's words by a link: the same frames as everybody's, with the speaker before the bytes. It waits for nobody, so a call is
// begun here and looked at later, and what the receiver has received is read from the link.

extension Space {
    /// A call of the chief's that has been sent by a link and not been answered.
    package struct LinkedCall: Sendable {
        fileprivate let call: PendingCall
        /// Where the answer comes if the link ends before.
        package var port: PortID { call.kit.port.port }
    }

    /// What a call has come to.
    package enum LinkedAnswer: ~Copyable, Sendable {
        case message(ReceivedMessage)
        /// The right to answer has been let go.
        case unused
    }

    /// Sends by a lease, in the name of a task of another node if there is a `speaker`; with `isCall` the receiver can answer once. Nil if
    /// the message cannot go by a lease now, and then it is left as it was.
    package func speakByLease(
        _ message: inout Message, to right: borrowing SendRight, as speaker: Speaker?, isCall: Bool
    ) throws(MasixError) -> (UsedLease, LinkedCall?)? {
        let body = MessageBytes(FrameBody(speaker: speaker, bytes: message.bytes).slotBytes)
        let entry = right.reference.entry
        guard message.isPlain, body.count <= LinkHalf.bodyMax, !entry.isLocal, entry.memory.lease() != nil else { return nil }
        let flags = FrameHeader.flags(message.format) | (speaker == nil ? 0 : FrameHeader.spoken)
        var hasWaited = false
        var used: (UsedLease, LinkedCall?)?
        if isCall {
            var kit = try takeCallKit()
            do throws(MasixError) {
                let sent = try callByLease(
                    code: message.code, body: body, flags: flags, to: entry, &kit, deadline: .now, hasWaited: &hasWaited)
                used = sent.map { ($1, LinkedCall(call: PendingCall(kit: kit, reply: $0))) }
            } catch {
                giveBack(kit)
                throw error
            }
            if used == nil { giveBack(kit) }
        } else {
            let lease = try sendByLease(
                code: message.code, body: body, flags: flags, to: entry, reply: nil, deadline: .now, hasWaited: &hasWaited)
            used = lease.map { ($0, nil) }
        }
        if used != nil { message = Message(code: message.code) }
        return used
    }

    /// The answer to a call, and with it the call is over; nil if there is none yet.
    package func answer(to call: LinkedCall) throws(MasixError) -> LinkedAnswer? {
        guard let incoming = try poll(call.call) else { return nil }
        do throws(MasixError) { return .message(try finish(call.call, incoming)) } catch {
            guard error == .noReply else { throw error }
            return .unused
        }
    }

    /// Nobody waits for the answer any more.
    package func giveUp(_ call: LinkedCall) { giveUp(call.call) }

    /// How many messages have been received by the lease, as its receiver says; nil once it says so of another.
    package func received(by lease: UsedLease) -> UInt64? {
        lease.link.sender.withLock { $0.received(firstSlot: lease.firstSlot, epoch: lease.epoch) }
    }

    /// From now on a receiver that takes a message from a link of ours rings, once, until `expectNoReceptions`. Whoever calls looks at
    /// what has been received once more before it sleeps.
    package func expectReceptions() {
        waiters.begin(reception.status)
        fullFence()
    }

    package func expectNoReceptions() { waiters.end(reception.status) }
}
