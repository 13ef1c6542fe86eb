import Glibc
import MasixLinux
import MasixTransport
import SystemPackage

/// What Linux must refuse to whoever is a task and nothing more (architecture rules 12, 13 and 20).
struct Attacks {
    let task: BareTask
    let link: BareLink
    let victimPID: String

    /// What was not refused.
    func run() -> [String] {
        var failures: [String] = []
        let foreign = [
            ("the victim's half", link.peerFile.raw, LinkHalf.length),
            ("the victim's status page", link.peerStatusFile.raw, StatusPage.length),
        ]
        for (name, raw, length) in foreign {
            if mapsWritable(raw, length) { failures.append("mapping \(name) for writing") }
            if let again = reopened(raw, .readWrite) {
                if mapsWritable(again.raw, length) { failures.append("reopening \(name) and mapping it for writing") }
                if (try? File.write(again.raw, [1], at: 0)) != nil { failures.append("reopening \(name) and writing to it") }
                if truncates(again.raw, length) { failures.append("reopening \(name) and cutting it off") }
            }
            if truncates(raw, length) { failures.append("cutting \(name) off") }
        }
        // Memory that was mapped for reading stays so.
        if mprotect(link.peerMapping) { failures.append("making the victim's half writable in place") }
        if mprotect(link.peerStatusMapping) { failures.append("making the victim's status page writable in place") }
        // Our own, cut off under the feet of those who read it.
        let own = [
            ("our half", link.ownFile.raw, LinkHalf.length), ("our status page", task.statusFile.raw, StatusPage.length),
            ("our control memory", task.controlFile.raw, ControlMemory.length),
        ]
        for (name, raw, length) in own {
            if truncates(raw, length) { failures.append("cutting \(name) off") }
            if let again = reopened(raw, .readWrite), truncates(again.raw, length) {
                failures.append("reopening \(name) and cutting it off")
            }
            // A hole is as good as a cut for whoever counts on its pages; it reads as zeroes and faults nobody.
        }
        // Doorbells: ours to ring, not to listen at.
        if reopened(link.peerBell.raw, [.read, .nonBlocking]) != nil { failures.append("reopening the victim's doorbell for reading") }
        if reopened(link.peerBell.raw, [.readWrite, .nonBlocking]) != nil { failures.append("reopening the victim's doorbell for both") }
        if (try? link.peerBell.readBytes(max: 1)) != nil { failures.append("reading the victim's doorbell") }
        // The victim's process itself.
        if (try? Directory.entries(of: "/proc/\(victimPID)/fd")) != nil { failures.append("listing the victim's descriptors") }
        if (try? File.open("/proc/\(victimPID)/mem", .readWrite)) != nil { failures.append("opening the victim's memory") }
        return failures
    }

    private struct Reopened: ~Copyable {
        let descriptor: Descriptor
        var raw: Int32 { descriptor.raw }
    }

    private func reopened(_ raw: Int32, _ flags: OpenFlags) -> Reopened? {
        guard let descriptor = try? File.open("/proc/self/fd/\(raw)", flags) else { return nil }
        return Reopened(descriptor: descriptor)
    }

    private func mapsWritable(_ raw: Int32, _ length: Int) -> Bool { (try? Mapping(of: raw, length: length, access: .readWrite)) != nil }

    private func truncates(_ raw: Int32, _ length: Int) -> Bool {
        // Shorter and longer, by whichever call.
        let shorter: Void? = try? File.truncate(raw, to: 0)
        let longer: Void? = try? File.truncate(raw, to: 2 * length)
        return shorter != nil || longer != nil || ftruncate(raw, 1) == 0
    }

    private func mprotect(_ mapping: borrowing Mapping) -> Bool {
        // The mapping is ours and whole.
        unsafe Glibc.mprotect(mapping.base, mapping.count, PROT_READ | PROT_WRITE) == 0
    }
}
