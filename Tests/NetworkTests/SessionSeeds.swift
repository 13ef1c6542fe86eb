import Foundation
import MasixKernel
import Testing

@testable import MasixNetwork

/// Sessions over connections that are cut at any byte (decision 0021). `SESSION_SEEDS` sets how many, `FIRST` where they begin.
@Suite struct SessionSeeds {
    static let count = UInt64(ProcessInfo.processInfo.environment["SESSION_SEEDS"] ?? "") ?? 100
    static let first = UInt64(ProcessInfo.processInfo.environment["FIRST"] ?? "") ?? 1

    @Test("every frame of a session arrives once and in order, and both sides always come to have the same one", arguments: [false, true])
    func nothingIsLostOrTwice(_ isGentle: Bool) {
        var all = SessionWorld.Tally()
        for seed in Self.first..<(Self.first + Self.count) {
            do throws(SessionWorld.Failure) {
                let tally = try SessionWorld(SessionPlan(seed: seed, isGentle: isGentle)).run()
                all.cuts += tally.cuts
                all.resumptions += tally.resumptions
                all.repeats += tally.repeats
                all.deaths += tally.deaths
                all.delivered += tally.delivered
                all.restarts += tally.restarts
                all.stale += tally.stale
                all.pauses += tally.pauses
                if isGentle, tally.deaths > 0 { Issue.record("seed \(seed): a cut was the death of a session") }
            } catch {
                Issue.record("FIRST=\(seed) SESSION_SEEDS=1 swift test --filter SessionSeeds: \(error)")
                return
            }
        }
        if ProcessInfo.processInfo.environment["TALLY"] != nil { print("sessions, gentle \(isGentle): \(all)") }
        let seeds = Int(Self.count)
        #expect(all.cuts > seeds && all.resumptions > seeds && all.repeats > 0 && all.delivered > 20 * seeds)
        if !isGentle { #expect(all.deaths > seeds && all.restarts > seeds && all.pauses > seeds) }
    }

    @Test("whoever owns a ledger and does one thing wrong is found out", arguments: SessionDefect.allCases)
    func defectsAreFound(_ defect: SessionDefect) {
        for seed in UInt64(1)...200 {
            do throws(SessionWorld.Failure) {
                _ = try SessionWorld(SessionPlan(seed: seed, defect: defect)).run()
            } catch {
                if ProcessInfo.processInfo.environment["TALLY"] != nil { print("\(defect): seed \(seed): \(error)") }
                return
            }
        }
        Issue.record("\(defect) is not found")
    }
}

/// Each rule of a session by itself.
@Suite struct SessionLedgerTests {
    private static let (lifeA, lifeB) = (ServerLife(incarnation: 1, start: 10), ServerLife(incarnation: 4, start: 20))

    /// Two ledgers with a session over the connection 1.
    private static func pair() throws -> (a: SessionLedger, b: SessionLedger) {
        var (a, b) = (SessionLedger(own: lifeA, decides: true), SessionLedger(own: lifeB, decides: false))
        #expect(try a.meet(lifeB).isEmpty && b.meet(lifeA).isEmpty)
        let steps = a.decide(1, b.memory, next: 7)
        #expect(steps == [.accept(1, ChannelAcceptance(serial: 7, session: 7)), .begun(1)])
        #expect(b.follow(ChannelAcceptance(serial: 7, session: 7), on: 1, in: Self.lifeA) == [.begun(1)])
        return (a, b)
    }

    @Test func whatIsNotAcknowledgedIsRepeatedAndDroppedOnce() throws {
        var (a, b) = try Self.pair()
        for number in UInt8(1)...5 { a.keep([number]) }
        #expect(a.takeUnwritten().count == 5)
        // Four come, and the news of two of them.
        let isNew = (0..<4).map { _ in b.receive(bytes: 1) }
        #expect(isNew == [true, true, true, true])
        #expect(try a.acknowledge(2) == 2)
        a.lost(1, at: 100, deadline: 2_000)
        b.lost(1, at: 100, deadline: 2_000)
        a.keep([6])
        #expect(a.takeUnwritten().isEmpty)
        let memory = b.memory
        #expect(memory == ChannelMemory(life: Self.lifeA, session: 7, received: 4, ended: 7))
        let acceptance = ChannelAcceptance(serial: 8, session: 7, received: 0, skipped: 4)
        #expect(a.decide(2, memory, next: 8) == [.freed(bytes: 2), .accept(2, acceptance), .resumed(2)])
        #expect(a.takeUnwritten() == [[5], [6]])
        #expect(b.follow(acceptance, on: 2, in: Self.lifeA) == [.freed(bytes: 0), .resumed(2)])
        let again = (0..<2).map { _ in b.receive(bytes: 1) }
        #expect(again == [true, true])
        #expect(b.takeAcknowledgement() == 6)
        #expect(b.takeAcknowledgement() == nil)
    }

    @Test func whatCameBetweenHelloAndAcceptanceIsDropped() throws {
        var (a, b) = try Self.pair()
        for number in UInt8(1)...3 { a.keep([number]) }
        _ = a.takeUnwritten()
        _ = b.receive(bytes: 1)
        // Node 2 has not heard of the end, and reads on while its hello is on its way.
        let memory = b.memory
        a.lost(1, at: 1, deadline: 2_000)
        _ = b.receive(bytes: 1)
        guard case .accept(_, let acceptance)? = a.decide(2, memory, next: 8).first(where: { if case .accept = $0 { true } else { false } })
        else {
            Issue.record("not accepted")
            return
        }
        #expect(b.follow(acceptance, on: 2, in: Self.lifeA) == [.release(1), .freed(bytes: 0), .resumed(2)])
        #expect(a.takeUnwritten().count == 2)
        #expect([b.receive(bytes: 1), b.receive(bytes: 1)] == [false, true])
    }

    @Test func aLiveConnectionIsNotGivenUpForASecondOne() throws {
        var (a, b) = try Self.pair()
        #expect(a.decide(2, b.memory, next: 8) == [.refuse(2, .duplicate)])
        #expect(a.connection == 1)
        b.lost(1, at: 1, deadline: 9)
        #expect(a.decide(3, b.memory, next: 8).first == .release(1))
    }

    @Test func aSessionOfWhichTheOtherSideHasNotHeardGoesOn() throws {
        var (a, b) = (SessionLedger(own: Self.lifeA, decides: true), SessionLedger(own: Self.lifeB, decides: false))
        _ = (try a.meet(Self.lifeB), try b.meet(Self.lifeA))
        _ = a.decide(1, b.memory, next: 7)
        a.keep([1])
        _ = a.takeUnwritten()
        // The acceptance is lost, and what was sent after it.
        a.lost(1, at: 1, deadline: 1_901)
        let acceptance = ChannelAcceptance(serial: 8, session: 7)
        #expect(a.decide(2, b.memory, next: 8) == [.freed(bytes: 0), .accept(2, acceptance), .resumed(2)])
        #expect(b.follow(acceptance, on: 2, in: Self.lifeA) == [.begun(2)])
        #expect(a.takeUnwritten() == [[1]])
    }

    @Test func aSessionThatTheOtherSideHasDeclaredDeadDies() throws {
        var (a, b) = try Self.pair()
        b.lost(1, at: 100, deadline: 2_000)
        #expect(b.expire(at: 1_999).isEmpty)
        #expect(b.expire(at: 2_000) == [.died])
        #expect(a.decide(2, b.memory, next: 8) == [.release(1), .died, .accept(2, ChannelAcceptance(serial: 8, session: 8)), .begun(2)])
        #expect(b.follow(ChannelAcceptance(serial: 8, session: 8), on: 2, in: Self.lifeA) == [.begun(2)])
    }

    @Test func aSessionThatDiesBetweenHelloAndAcceptanceIsRefused() throws {
        var (a, b) = try Self.pair()
        b.lost(1, at: 100, deadline: 2_000)
        let memory = b.memory
        #expect(b.expire(at: 2_000) == [.died])
        a.lost(1, at: 100, deadline: 4_000)
        #expect(a.decide(2, memory, next: 8).contains(.resumed(2)))
        let steps = b.follow(ChannelAcceptance(serial: 8, session: 7), on: 2, in: Self.lifeA)
        #expect(steps == [.refuse(2, .deadSession)])
        #expect(a.end(releasing: true) == [.release(2), .died])
    }

    @Test func whoeverDecidesMayHaveDeclaredItDead() throws {
        var (a, b) = try Self.pair()
        a.lost(1, at: 100, deadline: 200)
        #expect(a.expire(at: 200) == [.died])
        #expect(a.decide(2, b.memory, next: 8).last == .begun(2))
        #expect(b.follow(ChannelAcceptance(serial: 8, session: 8), on: 2, in: Self.lifeA) == [.release(1), .died, .begun(2)])
    }

    @Test func aLaterLifeEndsEverythingAndAnEarlierIsRefused() throws {
        var (a, b) = try Self.pair()
        let later = ServerLife(incarnation: 4, start: 21)
        #expect(try a.meet(later) == [.release(1), .died])
        #expect(throws: ChannelRefusal.staleLife) { try a.meet(Self.lifeB) }
        let next = ServerLife(incarnation: 2, start: 3)
        #expect(try b.meet(next) == [.release(1), .died])
        #expect(throws: ChannelRefusal.staleIncarnation(1, latest: 2)) { try b.meet(Self.lifeA) }
        #expect(b.follow(ChannelAcceptance(serial: 9, session: 9), on: 2, in: Self.lifeA) == [.refuse(2, .staleLife)])
        // A hello that speaks of another life of ours names no session of this one.
        var (c, _) = try Self.pair()
        c.keep([1])
        _ = (c.takeUnwritten(), c.receive(bytes: 1))
        c.lost(1, at: 1, deadline: 9)
        var memory = ChannelMemory(life: ServerLife(incarnation: 1, start: 9), session: 7, received: 0, ended: 7)
        #expect(c.decide(2, memory, next: 8) == [.refuse(2, .duplicate)])
        memory.life = nil
        #expect(c.decide(3, memory, next: 9) == [.refuse(3, .duplicate)])
    }

    @Test func aHelloFromBeforeTheSessionIsTooOld() throws {
        var (a, b) = (SessionLedger(own: Self.lifeA, decides: true), SessionLedger(own: Self.lifeB, decides: false))
        _ = (try a.meet(Self.lifeB), try b.meet(Self.lifeA))
        let early = b.memory
        _ = a.decide(1, early, next: 7)
        _ = b.follow(ChannelAcceptance(serial: 7, session: 7), on: 1, in: Self.lifeA)
        _ = a.receive(bytes: 1)
        a.lost(1, at: 1, deadline: 1_901)
        #expect(a.decide(2, early, next: 8) == [.refuse(2, .duplicate)])
        #expect(a.session != nil && a.connection == nil && a.deadline == 1_901)
    }

    @Test(arguments: [UInt64(0), 6, .max])
    func numbersThatCannotBeEndTheSession(_ received: UInt64) throws {
        var (a, b) = try Self.pair()
        for number in UInt8(1)...5 { a.keep([number]) }
        _ = a.takeUnwritten()
        #expect(try a.acknowledge(1) == 1)
        #expect(throws: ChannelRefusal.miscountedFrames) { try a.acknowledge(received) }
        a.lost(1, at: 1, deadline: 9)
        var memory = b.memory
        memory.received = received
        if received > 0 {
            #expect(a.decide(2, memory, next: 8) == [.died, .refuse(2, .impossibleResumption)])
        } else {
            // It may be older than an acknowledgement.
            let acceptance = ChannelAcceptance(serial: 8, session: 7, received: 0, skipped: 1)
            #expect(a.decide(2, memory, next: 8) == [.freed(bytes: 0), .accept(2, acceptance), .resumed(2)])
        }
        b.lost(1, at: 1, deadline: 9)
        let acceptance = ChannelAcceptance(serial: 8, session: 7, received: received == 0 ? 1 : received, skipped: 0)
        #expect(b.follow(acceptance, on: 2, in: Self.lifeA) == [.died, .refuse(2, .impossibleResumption)])
    }

    @Test func anAcceptanceThatCameTooLateIsNone() throws {
        var (_, b) = try Self.pair()
        #expect(b.follow(ChannelAcceptance(serial: 9, session: 7), on: 3, in: Self.lifeA) == [.release(1), .freed(bytes: 0), .resumed(3)])
        #expect(b.follow(ChannelAcceptance(serial: 8, session: 7), on: 2, in: Self.lifeA) == [.release(2)])
        #expect(b.follow(ChannelAcceptance(serial: 10, session: 11), on: 4, in: Self.lifeA) == [.refuse(4, .unexpectedAcceptance)])
        #expect(b.connection == 3)
    }

    @Test func whereNobodyListensItEndsSooner() throws {
        var (a, _) = try Self.pair()
        a.lost(1, at: 1_000, deadline: 2_900)
        a.hasten(to: 250)
        #expect(a.deadline == 1_250)
        a.hasten(to: 5_000)
        #expect(a.deadline == 1_250)
    }

    @Test func acknowledgementsAreDueByBytesAndByFrames() {
        var session = ChannelSession(serial: 1, life: Self.lifeA)
        _ = session.receive(bytes: ChannelSession.bytesUnsaidMax - 1)
        #expect(!session.isAcknowledgementDue && session.isAcknowledgementOpen)
        _ = session.receive(bytes: 1)
        #expect(session.isAcknowledgementDue)
        #expect(session.takeAcknowledgement() == 2)
        for _ in 0..<ChannelSession.framesUnsaidMax { _ = session.receive(bytes: 0) }
        #expect(session.isAcknowledgementDue)
    }
}
