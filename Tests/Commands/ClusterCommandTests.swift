import Foundation
import MasixLinux
import Testing

extension Nodes {
    /// What an administrator does with his cluster's files; no node has a part in it.
    @Suite struct Cluster {
        private static let line = "node 1 a sha256:\(String(repeating: "A", count: 43)) 127.0.0.1:7117 epoch 1 expires never"

        @Test func aClusterIsMadeSignedAndChecked() throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                let cluster = "--directory \(place)"
                let made = try node.shell(
                    "echo secret > \(place)/pw; masix cluster init \(cluster) --password-file \(place)/pw '\(Self.line)'")
                #expect(made.code == 0, "\(made)")
                #expect(try File.status(place + "/ak.sealed").mode & 0o777 == 0o600)
                let shown = try node.shell("masix cluster show \(cluster) --json").objects()
                #expect(shown.map { $0["name"] as? String } == ["a"])
                // Never twice.
                let again = try node.shell("masix cluster init \(cluster) --password-file \(place)/pw")
                #expect(again.code == 73 && again.errors.contains("never overwritten"), "\(again)")

                // A token, and the grant that belongs to it.
                let token = try node.shell("masix token new \(cluster) --password-file \(place)/pw --name b --number 2")
                #expect(token.code == 0 && token.output.hasPrefix("msx1.") && token.output.utf8.count == 85, "\(token)")
                let grant = try File.contents(of: place + "/b.grant", max: 4_096)
                #expect(grant.starts(with: Array("MSXJOIN1".utf8)))
                let taken = try node.shell("masix token new \(cluster) --password-file \(place)/pw --name a --number 3")
                #expect(taken.code == 73, "\(taken)")
                let wrong = try node.shell("echo other | masix token new \(cluster) --name c --number 3")
                #expect(wrong.code == 65 && wrong.errors.contains("the password is wrong"), "\(wrong)")

                // The manifest: a draft counts for nothing, a signed one for what was signed.
                let add = "masix manifest add \(cluster) --uid 7 --name"
                let added = try node.shell("\(add) mail --name 'mail/*' --interface server --on a /bin/ls && \(add) files /bin/cat")
                #expect(added.code == 0, "\(added)")
                #expect(try node.shell("masix manifest verify \(cluster)").code == 66)
                #expect(try node.shell("\(add) files /bin/cat").code == 73)
                let signed = try node.shell(
                    "masix manifest sign \(cluster) --password-file \(place)/pw && masix manifest verify \(cluster)")
                #expect(signed.code == 0 && signed.output.contains("version 1, 2 entries"), "\(signed)")
                let entries = try node.shell("masix manifest show \(cluster) --json").objects()
                #expect(entries.map { $0["names"] as? [String] } == [["mail", "mail/*"], ["files"]])
                let sum = try node.shell("sha256sum /bin/cat | cut -d' ' -f1").lines
                #expect(entries.last?["sha256"] as? String == sum.first)
                // A bit, anywhere; and a write that was torn, which leaves the old one valid.
                let flipped = try node.shell(
                    """
                    cp \(place)/manifest.signed \(place)/kept
                    printf 'x' | dd of=\(place)/manifest.signed bs=1 seek=70 conv=notrunc 2>/dev/null
                    masix manifest verify \(cluster)
                    """)
                #expect(flipped.code == 65 && flipped.errors.contains("not signed by the administrator"), "\(flipped)")
                let torn = try node.shell(
                    """
                    mv \(place)/kept \(place)/manifest.signed
                    head -c 100 \(place)/manifest.signed > \(place)/manifest.signed.new
                    masix manifest verify \(cluster) && masix manifest sign \(cluster) --password-file \(place)/pw
                    """)
                #expect(torn.code == 0 && torn.output.contains("signed version 2"), "\(torn)")
                // A full disk changes nothing either: the limit is on what one file may have.
                let full = try node.shell(
                    """
                    cp \(place)/manifest.signed \(place)/before
                    (ulimit -f 0; trap '' XFSZ; masix manifest sign \(cluster) --password-file \(place)/pw)
                    echo "code $?"
                    cmp \(place)/before \(place)/manifest.signed && masix manifest verify \(cluster)
                    """)
                #expect(full.code == 0 && full.output.contains("code 7") && full.output.contains("version 2, 2 entries"), "\(full)")
            }
        }

        @Test func whatIsMissingOrDamagedIsSaidInWords() throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                let cluster = "--directory \(place)"
                let none = try node.shell("masix cluster show \(cluster)")
                #expect(none.code == 66 && none.errors.contains("is no cluster: `masix cluster init` makes one"), "\(none)")
                let silent = try node.shell("masix cluster init \(cluster) </dev/null")
                #expect(silent.code == 64 && silent.errors.contains("--password-file"), "\(silent)")
                let made = try node.shell("echo secret | masix cluster init \(cluster) && echo secret | masix manifest sign \(cluster)")
                #expect(made.code == 0, "\(made)")
                let good = try node.shell("masix manifest verify \(cluster)")
                #expect(good.code == 0 && good.output.hasSuffix(" UTC\n"), "\(good)")
                let longer = try node.shell("printf x >>\(place)/roster.signed; masix cluster show \(cluster)")
                #expect(longer.code == 65 && longer.errors.contains("it is damaged, or no file of this kind"), "\(longer)")
            }
        }

        @Test func aPolicySaysWhichRuleDecides() throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                let policy = "\(place)/policy"
                let text = "# Files.\nallow files client from node b uid 7\nallow mail/* server from remote name editor\n"
                try File.open(policy, [.write, .create], mode: 0o644).writeAll(Array(text.utf8))
                let check = "masix policy check \(policy)"
                #expect(try node.shell(check).output.hasSuffix("2 rules\n"))
                let allowed = try node.shell("\(check) --open files --from b --uid 7")
                #expect(allowed.code == 0 && allowed.output == "allowed: line 2 says: allow files client from node b uid 7\n", "\(allowed)")
                let refused = try node.shell("\(check) --open files --from b --uid 8")
                #expect(refused.code == 1 && refused.output.contains("line 2 does not decide: it is about uid 7"), "\(refused)")
                #expect(refused.output.contains("refused: no rule fits, and between nodes nothing is open"))
                let server = try node.shell("\(check) --open mail/in --server --from c --name editor --json").objects()
                #expect(server.first?["allowed"] as? Bool == true && server.first?["line"] as? Int == 3)
                let unattested = try node.shell("\(check) --open mail/in --server --from c --name editor --unattested")
                #expect(unattested.code == 1 && unattested.output.contains("'unattested'"), "\(unattested)")
                let wrong = try node.shell("echo 'allow files klient from local' > \(policy); \(check)")
                #expect(wrong.code == 65 && wrong.errors.contains("line 1, column 13: 'klient' cannot stand here"), "\(wrong)")
            }
        }
    }
}
