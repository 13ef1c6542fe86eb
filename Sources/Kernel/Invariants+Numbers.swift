// The part of the audit that is about numbers which only ever rise. Nothing is compared with them while a kernel runs: that they are
// within their range is what lets it add to them without looking.

extension Audit {
    /// No history reaches it: a thousand million a second would take a hundred years.
    private static let numberMax: UInt64 = 1 << 62

    func checkNumbers() {
        let last = [
            kernel.lastTask, kernel.lastMessage, kernel.lastSendOnce, kernel.lastTicket, kernel.lastLink, kernel.lastLease,
            kernel.nextPortBlock,
        ]
        expect(last.allSatisfy { $0 <= Self.numberMax }, "numbers beyond the last: \(last)")
        checkPortBlocks()
        for (id, task) in kernel.tasks {
            expect(task.lastRequest <= Self.numberMax, "\(id): request \(task.lastRequest) is beyond the last")
            // So no walk from chief to chief turns in a circle.
            if let chief = task.chief { expect(chief < id, "\(id): in the clan of \(chief), who came after it") }
            for (peer, faults) in task.linkFaults {
                expect((1...Kernel.linkFaultsMax).contains(faults), "\(id): \(faults) faults of links with \(peer)")
            }
            let pools = [
                (task.sendIndexes, kernel.limits.sendRightsPerTaskMax), (task.receiveIndexes, kernel.limits.portsPerTaskMax),
                (task.takeIndexes, kernel.limits.incomingLeasesPerTaskMax), (task.linkPlaces, kernel.limits.linksPerTaskMax),
            ]
            for (pool, limit) in pools { expect(pool.limit == limit, "\(id): indexes up to \(pool.limit), the limit is \(limit)") }
        }
    }

    /// Blocks that were given out whole, each to one task.
    private func checkPortBlocks() {
        var owners: [UInt64: TaskID] = [:]
        for (id, task) in kernel.tasks {
            expect(task.portBlocks.count <= Kernel.portBlocksPerTaskMax, "\(id): too many blocks of ports")
            for block in task.portBlocks.map(\.first) {
                let isWhole = block > 0 && (block - 1) % Kernel.portBlockSize == 0
                expect(isWhole && block < kernel.nextPortBlock, "\(id): ports from \(block) on were not given out")
                expect(owners.updateValue(id, forKey: block) == nil, "\(id): ports from \(block) on are another's too")
            }
            for block in task.portBlocks {
                expect(block.used.count <= PortBlock.wordsMax, "\(id): has used ports behind the block from \(block.first) on")
            }
        }
        let next = kernel.nextPortBlock
        expect(next > 0 && (next - 1) % Kernel.portBlockSize == 0, "the next block of ports begins at \(next)")
    }
}
