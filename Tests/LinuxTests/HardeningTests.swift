import MasixLinux
import SystemPackage
import Testing

extension Door {
    @Test(.enabled(if: CurrentProcess.uid == 0, "only root has privileges to drop"))
    func droppedPrivilegesDoNotComeBack() throws {
        let status = try inForkedChild {
            do {
                try Hardening.dropPrivileges(uid: 4321, gid: 4322)
                return CurrentProcess.uid == 4321 && CurrentProcess.gid == 4322 ? 7 : 1
            } catch { return 2 }
        }
        #expect(status == .exited(code: 7))
    }

    @Test func hardenedProcessIsClosed() throws {
        let status = try inForkedChild {
            do {
                try Hardening.setDumpable(false)
                try Hardening.noNewPrivileges()
                try Hardening.limitCoreDumps()
                try Hardening.setParentDeathSignal(Signal.kill)
                try Hardening.setProcessName("hardened-name-long")
                let named = try commandName(ofPID: CurrentProcess.pid) == "hardened-name-l"
                return try !Hardening.isDumpable() && named ? 7 : 1
            } catch { return 2 }
        }
        #expect(status == .exited(code: 7))
    }

    @Test func chanceDiffers() throws {
        #expect(try RandomBytes.uint64() != RandomBytes.uint64())
        let bytes = try RandomBytes.bytes(1000)
        #expect(bytes.count == 1000 && Set(bytes).count > 100)
        var more = [UInt8](repeating: 0, count: 1000)
        try unsafe more.withUnsafeMutableBytes { try unsafe RandomBytes.fill($0) }
        #expect(Set(more).count > 100)
    }

    @Test func descriptorLimitRises() throws {
        let before = try LimitsOfProcess.current()
        let after = try LimitsOfProcess.raiseDescriptors(to: before.descriptors + 1)
        #expect(after.descriptors == min(before.descriptors + 1, before.descriptorsMax))
        #expect(try LimitsOfProcess.raiseDescriptors(to: 1).descriptors == after.descriptors)
    }
}
