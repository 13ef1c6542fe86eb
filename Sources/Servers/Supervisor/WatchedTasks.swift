import Masix
import MasixLinux

/// Processes of tasks whose end somebody waits for, and who.
final class WatchedTasks {
    /// Who waits, of all tasks together, and of one user of one node. Those that have gone make room.
    static let waitersMax = 1_024
    static let waitersOfUserMax = 128

    final class Entry {
        let serial: UInt64
        let pid: Int32
        let process: ProcessDescriptor
        fileprivate(set) var waiters: [Waiter] = []

        init(serial: UInt64, pid: Int32, process: consuming ProcessDescriptor) {
            self.serial = serial
            self.pid = pid
            self.process = process
        }
    }

    /// One answer that is due.
    final class Waiter {
        let node: UInt32
        let uid: UInt32
        private var reply: SendOnceRight?

        init(_ reply: consuming SendOnceRight, node: UInt32, uid: UInt32) {
            self.reply = reply.lasting()
            self.node = node
            self.uid = uid
        }

        func take() -> SendOnceRight? { reply.take() }

        fileprivate var hasGone: Bool {
            guard let right = reply.take() else { return true }
            let isDead = right.isDead
            reply = consume right
            return isDead
        }
    }

    private var entries: [UInt64: Entry] = [:]
    private var lastSerial: UInt64 = 0

    /// Whether one more of this user may wait.
    func hasRoom(node: UInt32, uid: UInt32) -> Bool {
        func isRoom() -> Bool {
            let all = entries.values.flatMap(\.waiters)
            return all.count < Self.waitersMax && all.count { $0.node == node && $0.uid == uid } < Self.waitersOfUserMax
        }
        if isRoom() { return true }
        for entry in entries.values { entry.waiters.removeAll { $0.hasGone } }
        return isRoom()
    }

    subscript(serial: UInt64) -> Entry? { entries[serial] }
    subscript(pid pid: Int32) -> Entry? { entries.values.first { $0.pid == pid } }

    func add(_ pid: Int32, _ process: consuming ProcessDescriptor) -> Entry {
        lastSerial += 1
        let entry = Entry(serial: lastSerial, pid: pid, process: process)
        entries[lastSerial] = entry
        return entry
    }

    func wait(_ reply: consuming SendOnceRight, node: UInt32, uid: UInt32, for entry: Entry) {
        entry.waiters.append(Waiter(reply, node: node, uid: uid))
    }

    func remove(_ entry: Entry) -> [Waiter] {
        entries[entry.serial] = nil
        defer { entry.waiters = [] }
        return entry.waiters
    }
}
