import MasixKernel
import Testing

@testable import MasixNetwork

/// Architecture rule 17: the room of a message in a port's queue is free when it has been received there, and not before, whatever
/// becomes of the channel that it came by.
@Suite struct RoomTests {
    private typealias Sample = NetworkFaultTests

    /// So many messages of peer 2 for our port, and the deliveries that they lead to.
    private static func arrive(_ count: Int, _ core: inout NetworkCore) -> [UInt64] {
        (0..<count).flatMap { _ in
            core.handle(.frame(peer: 2, Sample.message())).compactMap { action -> UInt64? in
                guard case .deliver(let number, _) = action else { return nil }
                return number
            }
        }
    }

    private static func accepted(_ actions: [NetworkAction]) -> UInt32 {
        actions.reduce(0) { sum, action in
            guard case .send(2, .accepted(Sample.ownUID, let count)) = action else { return sum }
            return sum + count
        }
    }

    @Test func itIsGivenWhenAMessageHasBeenReceived() {
        var core = Sample.core()
        for number in Self.arrive(3, &core) { #expect(Self.accepted(core.handle(.delivered(number))) == 0) }
        #expect(Self.accepted(core.handle(.received(Sample.own, count: 2))) == 2)
        #expect(Self.accepted(core.handle(.received(Sample.own, count: 1))) == 1)
    }

    @Test func itIsGivenAtOnceForWhatCannotBeDelivered() {
        var core = Sample.core()
        for number in Self.arrive(1, &core) { #expect(Self.accepted(core.handle(.undelivered(number))) == 1) }
    }

    /// What an earlier channel has left in the queue is received before what a later one brings, and counts for neither.
    @Test(arguments: [true, false])
    func aLaterChannelGetsItsOwn(isDeliveredBefore: Bool) {
        var core = Sample.core()
        let old = Self.arrive(2, &core)
        if isDeliveredBefore { for number in old { _ = core.handle(.delivered(number)) } }
        // The right stays as long as messages of ours lie there: they are senders themselves (spec/mach.md V5).
        #expect(!core.handle(.down(peer: 2)).contains(.release(Sample.own)))
        if !isDeliveredBefore { for number in old { _ = core.handle(.delivered(number)) } }
        Sample.welcome(&core)
        for number in Self.arrive(2, &core) { #expect(Self.accepted(core.handle(.delivered(number))) == 0) }
        #expect(Self.accepted(core.handle(.received(Sample.own, count: 2))) == 0)
        #expect(Self.accepted(core.handle(.received(Sample.own, count: 1))) == 1)
        #expect(Self.accepted(core.handle(.received(Sample.own, count: 1))) == 1)
    }

    @Test func theRightIsLetGoWithTheLastMessage() {
        var core = Sample.core()
        for number in Self.arrive(1, &core) { _ = core.handle(.delivered(number)) }
        _ = core.handle(.down(peer: 2))
        #expect(core.handle(.received(Sample.own, count: 1)) == [.release(Sample.own)])
        #expect(core.isEmpty)
    }
}
