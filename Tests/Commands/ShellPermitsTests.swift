import MasixProtocols
import Testing

/// Who may have a shell, and as whom.
@Suite struct ShellPermitsTests {
    private func verdict(
        _ text: String, node: UInt32 = 1, uid: UInt32 = 1000, by executable: String = "/usr/bin/masix", nameless: Bool = false,
        server: UInt32 = 500, names: [UInt32: String] = [1: "a", 2: "b"]
    ) throws -> ShellPermits.Verdict {
        try ShellPermits(text: text).verdict(
            on: ShellAsker(node: node, uid: uid, executable: executable, isNameless: nameless), server: server
        ) { names[$0] }
    }

    private func isRefused(_ verdict: ShellPermits.Verdict, _ words: String) -> Bool {
        if case .refused(let why) = verdict { why.contains(words) } else { false }
    }

    @Test func nobodyMayWithoutALineButTheServersOwnUserOnItsOwnNode() throws {
        #expect(isRefused(try verdict(""), "a/1000 is not permitted"))
        #expect(isRefused(try verdict("", uid: 500), "not permitted"))
        #expect(isRefused(try verdict("", node: 0, uid: 1000), "here/1000"))
        #expect(try verdict("", node: 0, uid: 500) == .permitted(uid: 500))
        // Root's shell has to be written down even for root.
        #expect(isRefused(try verdict("", node: 0, uid: 0, server: 0), "not permitted"))
    }

    @Test func aLineNamesNodeAndUser() throws {
        #expect(try verdict("permit a/1000") == .permitted(uid: 500))
        #expect(try verdict("permit 1/1000") == .permitted(uid: 500))
        #expect(try verdict("# a comment\n\npermit b/7\npermit a/1000 # he too\n") == .permitted(uid: 500))
        for other in ["permit b/1000", "permit a/1001", "permit 2/1000", "permit here/1000", "permit 0/1000"] {
            #expect(isRefused(try verdict(other), "not permitted"))
        }
        #expect(try verdict("permit here/1000", node: 0) == .permitted(uid: 500))
        #expect(isRefused(try verdict("permit a/1000", node: 0), "not permitted"))
        // A node that is called "here", or has another's number for a name, gains nothing by it.
        #expect(isRefused(try verdict("permit here/1000", names: [1: "here"]), "not permitted"))
        // A node that is no more in the roster is not known by its name.
        #expect(isRefused(try verdict("permit a/1000", names: [:]), "1/1000"))
    }

    @Test func aProgramMayBeAskedFor() throws {
        #expect(try verdict("permit a/1000 by /usr/bin/masix") == .permitted(uid: 500))
        #expect(isRefused(try verdict("permit a/1000 by /usr/bin/masix", by: "/tmp/masix"), "/tmp/masix"))
    }

    @Test func aLineMayPermitOneProgramAndNoShell() throws {
        func runs(_ text: String, _ program: String?, server: UInt32 = 500) throws -> ShellPermits.Verdict {
            try ShellPermits(text: text).verdict(
                on: ShellAsker(node: 1, uid: 1000, executable: "/usr/bin/masix"), running: program, server: server
            ) { _ in "a" }
        }
        let line = "permit a/1000 run /usr/bin/make"
        #expect(try runs(line, "/usr/bin/make") == .permitted(uid: 500))
        for other in ["/usr/bin/make2", "make", "/usr/bin/../bin/make", ""] {
            #expect(isRefused(try runs(line, other), "to run \(other), by"))
        }
        #expect(isRefused(try runs(line, nil), "no line of shell.permits"))
        // Who may have a shell may run everything, and the first line that fits counts.
        #expect(try runs("permit a/1000", "/bin/anything") == .permitted(uid: 500))
        let two = "permit a/1000 run /bin/one as 1\npermit a/1000 run /bin/two as 2"
        #expect(try runs(two, "/bin/two", server: 0) == .permitted(uid: 2))
        for bad in ["permit a/1 run make", "permit a/1 run", "permit a/1 run /a run /b"] {
            #expect(throws: ShellPermitFault.self) { _ = try ShellPermits(text: bad) }
        }
    }

    @Test func whoMayStartItMayStopIt() throws {
        func complaint(_ text: String, stopping program: String, of uid: UInt32, server: UInt32 = 0) throws -> String? {
            try ShellPermits(text: text).complaint(
                about: ShellAsker(node: 1, uid: 1000, executable: "/usr/bin/masix"), stopping: program, of: uid, server: server
            ) { _ in "a" }
        }
        #expect(try complaint("", stopping: "/bin/x", of: 7) != nil)
        #expect(try complaint("permit a/1000 as 7 run /bin/x", stopping: "/bin/x", of: 7) == nil)
        #expect(try complaint("permit a/1000 as 7 run /bin/x", stopping: "/bin/x", of: 8)?.contains("user 7") == true)
        #expect(try complaint("permit a/1000 as 7 run /bin/x", stopping: "/bin/y", of: 7) != nil)
        // A whole shell stops all of its user's tasks, and one of root everybody's; a program of root's stops that program of root's.
        #expect(try complaint("permit a/1000 as 7", stopping: "/bin/y", of: 7) == nil)
        #expect(try complaint("permit a/1000 as 7", stopping: "/bin/y", of: 0) != nil)
        #expect(try complaint("permit a/1000 as 0", stopping: "/bin/y", of: 9) == nil)
        #expect(try complaint("permit a/1000 as 0 run /bin/y", stopping: "/bin/y", of: 9) != nil)
        #expect(try complaint("permit a/1000 as 0 run /bin/y", stopping: "/bin/y", of: 0) == nil)
    }

    @Test func rootBecomesWhomTheLineSaysAndNobodyElse() throws {
        #expect(try verdict("permit a/1000 as 1001", server: 0) == .permitted(uid: 1001))
        #expect(try verdict("permit a/1000 as 0", server: 0) == .permitted(uid: 0))
        #expect(isRefused(try verdict("permit a/1000", server: 0), "does not say as whom"))
        #expect(isRefused(try verdict("permit a/1000 as 1001", server: 500), "cannot become another"))
        #expect(try verdict("permit a/1000 as 500", server: 500) == .permitted(uid: 500))
    }

    @Test func whoHasNoNameIsNobody() throws {
        // What comes by way of a third node arrives from the network server, whose user may be the node's own.
        #expect(isRefused(try verdict("permit here/500", node: 0, uid: 500, nameless: true), "nobody says who asks"))
        #expect(isRefused(try verdict("", node: 0, uid: 500, nameless: true), "nobody says who asks"))
    }

    @Test(arguments: [
        "permit", "allow a/1000", "permit a", "permit a/", "permit /1000", "permit a/-1", "permit a/1000/2", "permit a/1000 as",
        "permit a/1000 as root", "permit a/1000 by masix", "permit a/1000 to 5", "permit a/1000 as 1 as 2", "permit a/4294967296",
    ])
    func aLineThatSaysNothingIsNoList(line: String) {
        #expect(throws: ShellPermitFault.self) { try ShellPermits(text: "permit a/1\n" + line) }
    }
}
