import MasixKernel
import MasixLinux
import MasixTransport
import MasixWire
import SystemPackage

extension Nucleus {
    /// Whether this task may see, and touch, what is not its own.
    func isPrivileged(_ record: TaskRecord) -> Bool {
        record.isFirst || record.identity.uid == 0 || record.identity.uid == ownUID
    }

    func answer(_ query: Query, of record: TaskRecord) {
        let answer: Answer
        switch query {
        case .revoke(let port):
            if isPrivileged(record) {
                submit(.revoke(port))
                answer = .done
            } else {
                answer = .notPermitted
            }
        }
        do {
            try MessageSocket.send(on: record.socket.raw, Envelope(number: 0, content: answer).wireBytes, wait: false)
        } catch {
            endTask(record.id, error == .wouldBlock || error == .resourceTemporarilyUnavailable ? .unreadAnswers : .endOfFile)
        }
    }
}
