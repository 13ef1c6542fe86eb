import MasixKernel
import MasixTestKit
import MasixTransport
import Synchronization
import Testing

/// Real threads on real memory: one sends, one receives, and the nucleus closes in the middle.
@Suite struct LinkUnderLoad {
    @Test("architecture rules 4 and 8: whenever the lease is closed, every committed frame is received once or harvested once, in order")
    func closeAnywhere() throws {
        var received = 0
        var harvested = 0
        var contested = 0
        for round in 0..<400 {
            let outcome = try run(closeAfter: (round * 37) % 600)
            let arrived: [Int] = outcome.received + outcome.harvested
            #expect(arrived == Array((1...(outcome.sent + 1)).dropLast()))
            received += outcome.received.count
            harvested += outcome.harvested.count
            if !outcome.received.isEmpty, !outcome.harvested.isEmpty { contested += 1 }
        }
        #expect(received > 1_000 && harvested > 0, "\(received) received, \(harvested) harvested, \(contested) rounds with both")
    }

    private struct Outcome: Sendable {
        var sent = 0
        var received: [Int] = []
        var harvested: [Int] = []
    }

    /// On threads of its own: whoever spins on a pool as wide as the machine keeps the one that ends it from starting.
    private func run(closeAfter: Int) throws -> Outcome {
        let memory = Shared(try LinkBench())
        let sending = try Background {
            var outcome = Outcome()
            var sender = memory.bench.makeSender()
            while let lease = memory.bench.entry.lease(), !memory.isOver.load(ordering: .relaxed) {
                guard sender.hasRoom(lease) else { continue }
                sender.write(lease, code: UInt32(outcome.sent + 1), body: [], reply: nil)
                guard memory.bench.entry.commit(lease) else { break }
                outcome.sent += 1
                sender.announce(.lease(takeIndex: lease.takeIndex, epoch: lease.word.epoch))
            }
            return outcome
        }
        let receiving = try Background {
            var outcome = Outcome()
            var receiver = memory.bench.makeReceiver()
            while !memory.isOver.load(ordering: .acquiring) {
                guard let announcement = receiver.nextAnnouncement() else { continue }
                guard case .frame(let frame) = receiver.look(announcement), receiver.take(frame, takeIndex: announcement.index) else {
                    continue
                }
                outcome.received.append(Int(frame.header.code))
                receiver.publish(frame)
                memory.progress.add(1, ordering: .relaxed)
            }
            return outcome
        }
        let closing = try Background {
            var outcome = Outcome()
            var patience = 2_000_000
            while memory.progress.load(ordering: .relaxed) < closeAfter, patience > 0 { patience -= 1 }
            var world = memory.bench.makeWorld()
            let closing = world.close(memory.bench.lease)
            if closing.fault == nil { outcome.harvested = closing.frames.map { Int($0.code) } }
            memory.isOver.store(true, ordering: .releasing)
            return outcome
        }
        return Outcome(sent: try sending.wait().sent, received: try receiving.wait().received, harvested: try closing.wait().harvested)
    }

    /// Shared on purpose: what is in the memory is what the threads fight over.
    private final class Shared: @unchecked Sendable {
        let bench: LinkBench
        let progress = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)

        init(_ bench: LinkBench) { self.bench = bench }
    }
}
