import MasixKernel
import MasixTransport

// What only the node's first task, its supervisor, can ask for.

extension Space {
    /// Makes a program that has been started a task of the node, before it has said a word.
    ///
    /// `rights` (their message's bytes are of no interest) are in its space from the start, by position; they leave ours. With an
    /// error nothing has happened. `socket` is the node's end of the program's kernel socket, `process` its pidfd; both are lent.
    package func introduce(
        _ identity: TaskIdentity, with rights: inout Message, socket: Int32, process: Int32
    ) throws(MasixError) -> TaskID {
        try leave(with: rights.rights)
        for right in rights.rights {
            if case .sendOnce(let state) = right { _ = try kernelRight(of: state) }
        }
        let carried = rights.rights
        let task = try connection.withCore { core throws(MasixError) -> TaskID in
            try self.recallAnswers(with: carried, &core)
            var plan = Handover()
            let transfers = carried.map { plan.transfer($0, in: core) }
            let answer = try core.demand(.introduce(identity, rights: transfers), descriptors: [socket, process])
            guard case .introduced(let task) = answer.response else { throw .nodeGone }
            plan.carryOut(self, &core)
            return task
        }
        rights = Message()
        return task
    }
}
