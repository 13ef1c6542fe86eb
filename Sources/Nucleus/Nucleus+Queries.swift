import Logging
import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import SystemPackage

// What people ask. Nothing of it is journaled but what it lets the kernel do.

extension Nucleus {
    /// Whether this task may see, and touch, what is not its own.
    func isPrivileged(_ record: TaskRecord) -> Bool {
        record.isFirst || record.identity.uid == 0 || record.identity.uid == ownUID
    }

    func answer(_ query: Query, number: UInt64, of record: TaskRecord) {
        let answer = self.answer(to: query, of: record)
        do {
            try MessageSocket.send(on: record.socket.raw, Envelope(number: number, content: answer).wireBytes, wait: false)
        } catch {
            endTask(record.id, error == .wouldBlock || error == .resourceTemporarilyUnavailable ? .unreadAnswers : .endOfFile)
        }
    }

    private func answer(to query: Query, of record: TaskRecord) -> Answer {
        let viewer = isPrivileged(record) ? nil : record.id
        switch query {
        case .tasks(let after):
            var rows = kernel.taskRows(after: after, limit: Answer.rowsMax, seenBy: viewer)
            for index in rows.indices { rows[index].received = tables.tasks[rows[index].id]?.received ?? 0 }
            return .tasks(page(rows))
        case .ports(let after): return .ports(page(kernel.portRows(after: after, limit: Answer.rowsMax, seenBy: viewer)))
        case .links(let after): return .links(page(kernel.linkRows(after: after, limit: Answer.rowsMax, seenBy: viewer)))
        case .counters: return viewer == nil ? .counters(nodeCounters()) : .notPermitted
        case .revoke(let port):
            guard viewer == nil || port.flatMap({ kernel.receiver(of: $0) }) == viewer else { return .notPermitted }
            submit(.revoke(port))
            return .done
        case .trace(let task, let on):
            guard viewer == nil || task == viewer else { return .notPermitted }
            guard tables.tasks[task] != nil else { return .notFound }
            setTraced(task, on)
            return .done
        case .subscribeTrace(let filter):
            guard viewer == nil else { return .notPermitted }
            subscribe(record, filter)
            return .done
        case .unsubscribeTrace:
            unsubscribe(record)
            return .done
        case .readTrace:
            guard let subscription = record.subscription else { return .notFound }
            return subscription.read(max: Answer.traceEventsMax)
        case .frame(let isSent, let step, let count, let note):
            guard kernel.isChief(record.id) else { return .notPermitted }
            guard !subscribers.isEmpty else { return .notFound }
            show(TraceEvent(isSent ? .frameSent : .frameReceived, task: record.id, code: step, count: count, detail: note))
            return .done
        }
    }

    /// As many rows as fit into one datagram, at least one.
    private func page<Row: WireCodable>(_ rows: [Row]) -> [Row] {
        var bytes = 0
        return Array(
            rows.prefix { row in
                let isFirst = bytes == 0
                bytes += row.wireBytes.count
                return isFirst || bytes <= Limits.inlineBytesMax
            })
    }

    private func nodeCounters() -> NodeCounters {
        var entries = counters.entries
        entries += [
            .init("tasks", UInt64(kernel.taskCount)), .init("ports", UInt64(kernel.portCount)), .init("links", UInt64(kernel.linkCount)),
            .init("leases", UInt64(kernel.leaseCount)), .init("connections without hello", UInt64(strangers.count)),
            .init("message bytes kept", UInt64(tables.store.usedBytes)),
            .init("message memory", UInt64(tables.store.segments.count * PayloadStore.segmentBytes)),
            .init("memory objects kept", UInt64(tables.objects.count)), .init("journal bytes", UInt64(journal?.tail ?? 0)),
        ]
        return NodeCounters(node: node, uptimeNanoseconds: Clock.monotonicNanoseconds() - startNanoseconds, entries: entries)
    }
}
