import Foundation
import MasixLinux
import MasixNetwork
import Testing

extension Nodes {
    /// What `masix` makes for speaking with other nodes.
    @Suite struct Network {
        @Test func aNodeIsMadeToSpeakWithOthers() throws {
            try NodeProcess.run { outer in
                let place = try outer.scratch() + "/a"
                let made = try outer.shell("masix node init --node \(place) --listen 127.0.0.1:7117 --name a --number 4")
                #expect(made.code == 0, "\(made)")
                let line = try outer.shell("masix node line --node \(place)").output
                #expect(made.output.hasSuffix(line))
                let entry = try NodeRosterEntry(line: line.dropLast())
                #expect(entry.number == 4 && entry.name == "a" && entry.address == "127.0.0.1:7117" && entry.epoch == 1)
                #expect(try File.status(place + "/node.key").mode == 0o600)
                let file = try JSONDecoder().decode(
                    NodeNetworkFile.self, from: Data(try File.contents(of: place + "/network.json", max: 4_096)))
                #expect(try file == NodeNetworkFile(number: 4, name: "a", listen: "127.0.0.1:7117"))
                // Never twice, and the key stays.
                let again = try outer.shell("masix node init --node \(place) --listen 127.0.0.1:7117 --name a --number 4")
                #expect(again.code == 73 && again.errors.contains("made to speak with others before"), "\(again)")
                #expect(try outer.shell("rm \(place)/network.json && masix node line --node \(place)").code == 66)
                let renamed = try outer.shell("masix node init --node \(place) --listen [::1]:7118 --name aa --number 5")
                #expect(renamed.code == 0, "\(renamed)")
                let later = try NodeRosterEntry(
                    line: try outer.shell("masix node line --epoch 2 --expires 9 --node \(place)").output.dropLast())
                #expect(later.fingerprint == entry.fingerprint && later.host == "::1" && later.epoch == 2 && later.expires == 9)
                // A key that others may read is no key.
                let open = try outer.shell("chmod 640 \(place)/node.key && masix node line --node \(place)")
                #expect(open.code == 65 && open.errors.contains("its mode is 640"), "\(open)")
            }
        }

        @Test(arguments: [
            ("--listen 127.0.0.1:7117 --name a", Int32(64), "belong together"), ("--number 3", 64, "belong together"),
            ("--listen 127.0.0.1 --name a --number 1", 65, "HOST:PORT"), ("--listen h:1 --name a/b --number 1", 65, "a name is"),
            ("--listen h:1 --name a --number 0", 65, "the number of a node"),
        ])
        func whatMakesNoNodeIsRefused(_ arguments: String, _ code: Int32, _ words: String) throws {
            try NodeProcess.run { outer in
                let place = try outer.scratch() + "/a"
                let made = try outer.shell("masix node init --node \(place) \(arguments)")
                #expect(made.code == code && made.errors.contains(words), "\(made)")
                #expect((try? File.status(place)) == nil)
            }
        }

        @Test func aListenerOnEveryAddressHasToSayOne() throws {
            try NodeProcess.run { outer in
                let place = try outer.scratch() + "/a"
                #expect(try outer.shell("masix node init --node \(place) --listen 0.0.0.0:7117 --name a --number 1").code == 0)
                let line = try outer.shell("masix node line --node \(place)")
                #expect(line.code == 64 && line.errors.contains("--address"), "\(line)")
                let said = try outer.shell("masix node line --node \(place) --address a.example:7117")
                #expect(said.code == 0 && said.output.contains(" a.example:7117 "), "\(said)")
            }
        }

        @Test func theRosterIsEdited() throws {
            try NodeProcess.run { outer in
                let base = try outer.scratch()
                for (number, name) in [(1, "a"), (2, "b"), (3, "c")] {
                    let made = try outer.shell(
                        "masix node init --node \(base)/\(name) --listen 127.0.0.\(number):7117 --name \(name) --number \(number)")
                    #expect(made.code == 0, "\(made)")
                }
                func roster(_ words: String) throws -> Outcome { try outer.shell("cd \(base); masix roster \(words)") }
                #expect(try roster("list --node a --json").output.isEmpty)
                for name in ["a", "b", "c"] {
                    let added = try roster("add --node a $(masix node line --node \(name))")
                    #expect(added.code == 0, "\(added)")
                }
                let listed = try roster("list --node a --json").objects()
                #expect(listed.compactMap { $0["name"] as? String } == ["a", "b", "c"])
                #expect(listed.compactMap { $0["own"] as? Bool } == [true, false, false])
                #expect(try roster("list --node a").lines.count == 4)
                let same = try roster("add --node a \"$(masix node line --node b)\"")
                #expect(same.code == 73 && same.errors.contains("only a higher one replaces it"), "\(same)")
                #expect(try roster("add --node a \"$(masix node line --node b --epoch 2)\"").code == 0)
                let wrong = try roster("add --node a node 9 x")
                #expect(wrong.code == 65 && wrong.errors.contains("not one of a roster"), "\(wrong)")
                let unknown = try roster("remove --node a cc")
                #expect(unknown.code == 66 && unknown.errors.contains("did you mean 'c'?"), "\(unknown)")
                #expect(try roster("remove --node a c").code == 0)
                let text = String(decoding: try File.contents(of: base + "/a/nodes.roster", max: 1 << 20), as: UTF8.self)
                #expect(try MasixNetwork.NodeRoster(text: text).entries.map(\.name) == ["a", "b"])
                #expect(!text.contains(".3:7117") && text.contains("epoch 2"))
                // What a person has written stays, and what he has written wrongly is named.
                let kept = try outer.shell(
                    "cd \(base); sed -i '1i # mine' a/nodes.roster; masix roster remove --node a b; head -n 1 a/nodes.roster")
                #expect(kept.output == "# mine\n", "\(kept)")
                let broken = try outer.shell("cd \(base); echo nonsense >> a/nodes.roster; masix roster list --node a")
                #expect(broken.code == 65 && broken.errors.contains("line 3: "), "\(broken)")
            }
        }

        @Test func whoeverChangesTheRosterAtOnceLosesNothing() throws {
            try NodeProcess.run { outer in
                let place = try outer.scratch()
                let lines = try (1...8).map { number in
                    try NodeRosterEntry(
                        number: UInt32(number), name: "n\(number)", fingerprint: [UInt8](repeating: UInt8(number), count: 32), host: "h",
                        port: 1
                    ).description
                }
                let script = lines.map { "masix roster add --node \(place) \($0) &" }.joined(separator: "\n")
                #expect(try outer.shell(script + "\nwait").code == 0)
                let listed = try outer.shell("masix roster list --json --node \(place)").objects()
                #expect(Set(listed.compactMap { $0["number"] as? Int }) == Set(1...8))
            }
        }
    }
}
