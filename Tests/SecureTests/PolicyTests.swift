import Testing

@testable import MasixSecure

@Suite struct PolicyTests {
    private static let program = "sha256:" + Hexadecimal.encode(Digest256(of: [1]).bytes)

    private func policy(_ text: String) throws -> Policy { try Policy(text: Array(text.utf8)) }

    private func editor(on node: NodeName = Cast.here, uid: UInt32 = 100, program: [UInt8] = [1], attested: Bool = true) -> Asker {
        Asker(
            party: .server(InstanceName(server: Cast.server("editor"), node: node, instance: 1)), uid: uid,
            executable: Digest256(of: program),
            isAttested: attested)
    }

    private func client(on node: NodeName = Cast.here, uid: UInt32 = 1_000) -> Asker {
        Asker(party: .client(ClientIdentity(node: node, task: 5, uid: uid)), uid: uid, executable: .none, isAttested: false)
    }

    private func allows(_ text: String, _ asker: Asker, _ name: String = "files", _ interface: Interface = .client) throws -> Bool {
        let decision = try policy(text).decide(asker, opens: Cast.server(name), interface, on: Cast.here)
        #expect(!decision.why.isEmpty)
        return decision.isAllowed
    }

    @Test func withoutRules() throws {
        #expect(try allows("", client()))
        #expect(try allows("", editor(), "files", .server))
        #expect(try !allows("", client(), "files", .server))
        #expect(try !allows("", client(on: Cast.there)))
        #expect(try !allows("", editor(on: Cast.there), "files", .server))
        #expect(try !allows("", editor(attested: false)))
    }

    @Test func theFirstRuleThatFitsDecides() throws {
        let text = """
            # Files for all of node b but user 7.
            deny files any from node b uid 7
            allow files client from node b      # everybody else

            allow mail/* server from remote name edi*
            """
        #expect(try allows(text, client(on: Cast.there)))
        #expect(try !allows(text, client(on: Cast.there, uid: 7)))
        #expect(try !allows(text, client(on: Cast.node("c"))))
        #expect(try !allows(text, editor(on: Cast.there), "files", .server))
        #expect(try allows(text, editor(on: Cast.there), "mail/in", .server))
        #expect(try !allows(text, editor(on: Cast.there), "mail", .server))
        #expect(try !allows(text, client(on: Cast.there), "mail/in", .client))
    }

    @Test func itSaysWhichRuleAndWhy() throws {
        let policy = try policy("allow files client from node c\nallow files server from node b\nallow files client from node b uid 7\n")
        let decision = policy.explain(client(on: Cast.there, uid: 7), opens: Cast.server("files"), .client, on: Cast.here)
        #expect(decision.isAllowed && decision.rule?.line == 3)
        #expect(decision.why == "line 3 says: allow files client from node b uid 7")
        #expect(
            decision.passed.map { "\($0.line): \($0.why)" } == [
                "1: it is about node c, and the asker is on b", "2: it is about the server interface",
            ])
        let none = policy.explain(client(on: Cast.there, uid: 8), opens: Cast.server("files"), .client, on: Cast.here)
        #expect(!none.isAllowed && none.rule == nil && none.passed.count == 3)
        #expect(none.passed.last?.why == "it is about uid 7, and the asker has uid 8")
        #expect(none.why.contains("between nodes nothing is open"))
    }

    @Test func executablesAreBelievedOnlyWhereTheyAreAttested() throws {
        let text = "allow files any from anywhere exe \(Self.program)\ndeny files any from anywhere\n"
        #expect(try allows(text, editor()))
        #expect(try !allows(text, editor(program: [2])))
        #expect(try !allows(text, editor(attested: false)))
    }

    @Test func unattestedServersMustBeNamedAsSuch() throws {
        #expect(try !allows("allow files any from local\n", editor(attested: false)))
        #expect(try allows("allow files any from local unattested\n", editor(attested: false)))
        #expect(try !allows("deny files any from local\n", editor(attested: false)))
    }

    @Test func noRuleOpensAServerInterfaceToAClient() throws {
        #expect(try !allows("allow * any from anywhere unattested\n", client(), "files", .server))
    }

    @Test func rulesAreReadBack() throws {
        let text = """
            allow files client from node b uid 7
            deny mail/* any from remote
            allow * server from anywhere name edi* exe \(Self.program) unattested
            allow a@b:c server from local

            """
        let read = try policy(text)
        #expect(read.text == text.split(separator: "\n").map { "\($0)\n" }.joined())
        #expect(try policy(read.text) == read)
    }

    @Test(arguments: [
        ("alow files client from local", 1, 1, "'allow' or 'deny'"),
        ("# x\n\n  allow fi,les client from local", 3, 9, "'fi,les' is no name"),
        ("allow files clients from local", 1, 13, "'client' or 'server' or 'any'"),
        ("allow files client local", 1, 20, "'from'"),
        ("allow files client from", 1, 25, "the line ends too early"),
        ("allow files client from nowhere", 1, 25, "'local', 'remote', 'anywhere' or 'node NAME'"),
        ("allow files client from node", 1, 30, "the name of a node"),
        ("allow files client from node b/c", 1, 30, "no name of a node"),
        ("allow files client from local uid 01", 1, 35, "no uid"),
        ("allow files client from local uid -1", 1, 35, "no uid"),
        ("allow files client from local uid 4294967296", 1, 35, "no uid"),
        ("allow files client from local uid 1 uid 2", 1, 37, "stands twice"),
        ("allow files client from local exe 12", 1, 35, "64 digits"),
        ("allow files client from local exe sha256:12", 1, 35, "64 digits"),
        ("allow files client from local always", 1, 31, "'always' is no condition"),
        ("allow files client from local\u{7}", 1, 30, "printable"),
        ("allow", 1, 7, "the line ends too early"),
    ]) func errorsSayWhereAndWhat(text: String, line: Int, column: Int, words: String) {
        do throws(PolicyError) {
            _ = try Policy(text: Array(text.utf8))
            Issue.record("it was read")
        } catch {
            #expect(error.line == line && error.column == column, "\(error)")
            #expect(error.description.contains(words), "\(error)")
        }
    }

    @Test func policiesAreBounded() {
        func error(_ text: [UInt8]) -> PolicyError? {
            do throws(PolicyError) {
                _ = try Policy(text: text)
                return nil
            } catch { return error }
        }
        #expect(error([UInt8](repeating: 10, count: Policy.bytesMax)) == nil)
        #expect(error([UInt8](repeating: 10, count: Policy.bytesMax + 1))?.line == 0)
        let rule = Array("allow a any from local\n".utf8)
        #expect(error(Array(repeatElement(rule, count: Policy.rulesMax).joined())) == nil)
        #expect(error(Array(repeatElement(rule, count: Policy.rulesMax + 1).joined()))?.line == Policy.rulesMax + 1)
        #expect(error([UInt8](repeating: 35, count: Policy.lineBytesMax + 1))?.column == Policy.lineBytesMax + 1)
    }
}
