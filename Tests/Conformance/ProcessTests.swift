import Masix
import MasixKernel
import MasixLinux
import MasixTestKit
import MasixTransport
import Testing

extension Conformance {
    /// What concerns whole processes.
    @Suite(.serialized) struct ProcessTests {
        @Test("architecture rule 20: a forked copy is detached")
        func forked() throws {
            try TestNode.run { node in
                let program = try Program(Programs.player, ["fork", node.directory])
                let (end, words) = (try program.end(), try program.text())
                #expect(end == .exited(code: 0), "\(words)")
            }
        }

        @Test("spec/mach.md 1.12: who a sender was is known after its end", arguments: TestNode.Leases.allCases)
        func identityOfTheDead(leases: TestNode.Leases) throws {
            try TestNode.run(leases: leases) { node in
                let server = try node.attach()
                let door = try server.makePort()
                try MeetingPlace(server).leave(try door.makeSendRight(), as: "door")
                let program = try Program(Programs.player, ["greet", "door", node.directory])
                let (end, words) = (try program.end(), try program.text())
                #expect(end == .exited(code: 0), "\(words)")
                let message = try door.receive(timeout: .seconds(5))
                let witness = try node.attach()
                let hasGone = try eventually {
                    guard case .tasks(let rows) = try witness.query(.tasks(after: nil)) else { return false }
                    return !rows.contains { $0.id == message.sender }
                }
                #expect(hasGone)
                let sender = try message.senderIdentity()
                #expect(sender.pid == program.pid && message.text == "\(program.pid)")
                #expect(sender.uid == CurrentProcess.uid && sender.executable.hasSuffix("/masix-story-player"))
            }
        }
    }
}
