import Foundation
import MasixLinux
import MasixTestKit
import Testing

extension Nodes {
    /// Why two nodes do not talk: `masix doctor PEER` and `masix node peers`, with two nodes of real processes.
    @Suite struct Peers {
        /// Two directories made for nodes a and b that listen, neither of which runs or knows the other.
        private func withNodes(_ body: (NodeProcess, String) throws -> Void) throws {
            try NodeProcess.run { outer in
                let base = try outer.scratch()
                for (number, name) in [(1, "a"), (2, "b")] {
                    // Loopback addresses of our own: ports of other programs do not matter.
                    let made = try outer.shell(
                        "masix node init --node \(base)/\(name) --listen 127.71.\(CurrentProcess.pid % 250).\(number):7117 --name \(name) --number \(number)"
                    )
                    #expect(made.code == 0, "\(made)")
                }
                defer {
                    for name in ["a", "b"] { _ = try? outer.shell("masix node stop --node \(base)/\(name)") }
                }
                try body(outer, base)
            }
        }

        private func know(_ outer: NodeProcess, _ base: String, at place: String, _ other: String) throws {
            let added = try outer.shell("cd \(base); masix roster add --node \(place) $(masix node line --node \(other))")
            #expect(added.code == 0, "\(added)")
        }

        private func run(_ outer: NodeProcess, _ base: String, _ name: String) throws {
            let started = try outer.shell("masix node run --detach --node \(base)/\(name)")
            #expect(started.code == 0, "\(started)")
        }

        @Test func whatIsMissingIsSaid() throws {
            try withNodes { outer, base in
                func doctor() throws -> Outcome { try outer.shell("masix doctor --node \(base)/a b") }
                let stranger = try doctor()
                #expect(
                    stranger.code == 1 && stranger.output.contains("has no 'b'") && stranger.output.contains("roster add"), "\(stranger)")
                try know(outer, base, at: "a", "b")
                let nothing = try doctor()
                #expect(nothing.code == 1 && nothing.output.contains("no node runs"), "\(nothing)")
                #expect(nothing.output.contains("cannot be reached"), "\(nothing)")

                try run(outer, base, "a")
                let unreached = try doctor()
                #expect(unreached.code == 1 && unreached.output.contains("is down"), "\(unreached)")
                // b runs and has not been told of a.
                try run(outer, base, "b")
                let refused = try doctor()
                #expect(refused.code == 1 && refused.output.contains("refuses this node's key"), "\(refused)")
                let strangers = try outer.shell("masix node peers --node \(base)/b")
                #expect(strangers.code == 0 && strangers.output.contains("refused a stranger"), "\(strangers)")
                _ = try outer.shell("masix node stop --node \(base)/b")

                try know(outer, base, at: "b", "a")
                try run(outer, base, "b")
                let isUp = try eventually {
                    try outer.shell("masix node peers --node \(base)/a --json").objects().first?["up"] as? Bool == true
                }
                #expect(isUp)
                let healthy = try doctor()
                #expect(healthy.code == 0 && healthy.output.contains("'b' is up"), "\(healthy)")
            }
        }

        @Test func anotherKeyAndAnExpiredEntryAreSaid() throws {
            try withNodes { outer, base in
                try know(outer, base, at: "a", "b")
                // b is made anew.
                let again = try outer.shell(
                    "cd \(base)/b; rm node.key network.json; masix node init --node \(base)/b --listen 127.71.\(CurrentProcess.pid % 250).2:7117 --name b --number 2"
                )
                #expect(again.code == 0, "\(again)")
                try run(outer, base, "b")
                let other = try outer.shell("masix doctor --node \(base)/a b")
                #expect(other.code == 1 && other.output.contains("is not the roster's"), "\(other)")
                let expired = try outer.shell(
                    "cd \(base); masix roster add --node a $(masix node line --node b --epoch 2 --expires 9); masix doctor --node a b")
                #expect(expired.code == 1 && expired.output.contains("its entry expired"), "\(expired)")
            }
        }

        @Test func aNodeWithoutNetworkHasNoPeers() throws {
            try NodeProcess.run { node in
                let peers = try node.shell("masix node peers")
                #expect(peers.code == 66 && peers.errors.contains("does not speak with others"), "\(peers)")
                #expect(try node.shell("masix explain unknownKey").output.contains("roster add"))
            }
        }
    }
}
