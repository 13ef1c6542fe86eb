import Masix
import MasixKernel
import MasixProtocols
import MasixWire
import Testing

@testable import MasixSupervisor

/// What the supervisor decides, without processes.
@Suite struct NodeRoster {
    private func server(_ name: String, _ restart: ServerSpecification.Restart = .always, _ word: String = "x") -> ServerSpecification {
        ServerSpecification(name: name, command: ["/bin/\(name)", word], restart: restart)
    }

    @Test func backsOffUntilItIsHealthy() {
        var backOff = BackOff()
        var waits: [UInt64] = []
        for _ in 0..<9 { waits.append(backOff.wait(afterRunning: 5)) }
        #expect(waits == [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
        #expect(backOff.wait(afterRunning: 29_999) == 10_000)
        #expect(backOff.wait(afterRunning: 30_000) == 100)
        #expect(backOff.wait(afterRunning: 0) == 200)
    }

    @Test func startsAgainWhatEnds() {
        var roster = Roster()
        let a = server("a")
        #expect(roster.handle(.add(a, .message), at: 0) == [.launch(a)])
        #expect(roster.handle(.started("a"), at: 0) == [])
        #expect(roster.nextTime == nil)
        #expect(roster.handle(.ended("a", how: "exited with 1", success: false), at: 50) == [])
        #expect(roster.nextTime == 150)
        #expect(roster.handle(.time, at: 149) == [])
        #expect(roster.handle(.time, at: 150) == [.launch(a)])
        #expect(roster.servers["a"]?.restarts == 1 && roster.servers["a"]?.lastEnd == "exited with 1")
        // Not even started counts as well.
        #expect(roster.handle(.failed("a", because: "no"), at: 150) == [])
        #expect(roster.nextTime == 350)
        #expect(roster.handle(.time, at: 350) == [.launch(a)])
        _ = roster.handle(.started("a"), at: 350)
        _ = roster.handle(.ended("a", how: "", success: true), at: 40_000)
        #expect(roster.nextTime == 40_100)
    }

    @Test(arguments: [
        (ServerSpecification.Restart.always, true, true), (.always, false, true), (.onFailure, true, false), (.onFailure, false, true),
        (.never, true, false), (.never, false, false),
    ])
    func followsThePolicy(_ policy: ServerSpecification.Restart, success: Bool, comesBack: Bool) {
        var roster = Roster()
        _ = roster.handle(.add(server("a", policy), .file), at: 0)
        _ = roster.handle(.started("a"), at: 0)
        _ = roster.handle(.ended("a", how: "", success: success), at: 10)
        #expect((roster.nextTime != nil) == comesBack)
        #expect(roster.servers["a"] != nil)
    }

    @Test func removesInOrder() {
        var roster = Roster()
        _ = roster.handle(.add(server("a"), .message), at: 0)
        _ = roster.handle(.started("a"), at: 0)
        #expect(roster.handle(.remove("a"), at: 10) == [.terminate("a")])
        #expect(roster.handle(.remove("a"), at: 11) == [])
        #expect(roster.nextTime == 2010)
        #expect(roster.handle(.time, at: 2010) == [.kill("a")])
        #expect(roster.handle(.time, at: 9000) == [])
        #expect(roster.handle(.ended("a", how: "", success: false), at: 9001) == [.forget("a")])
        #expect(roster.servers.isEmpty)
        // One that waits goes at once.
        _ = roster.handle(.add(server("b"), .message), at: 0)
        _ = roster.handle(.failed("b", because: ""), at: 0)
        #expect(roster.handle(.remove("b"), at: 1) == [.forget("b")])
    }

    @Test func theFileIsFollowed() {
        var roster = Roster()
        _ = roster.handle(.add(server("mine"), .message), at: 0)
        #expect(
            roster.handle(.file([server("b"), server("a"), server("mine", .never)]), at: 0) == [.launch(server("a")), .launch(server("b"))])
        for name in ["a", "b", "mine"] { _ = roster.handle(.started(name), at: 0) }
        #expect(roster.handle(.file([server("a"), server("b")]), at: 1) == [])
        let new = server("b", .always, "y")
        #expect(roster.handle(.file([new]), at: 2) == [.terminate("a"), .terminate("b")])
        // Wanted again while it was on its way out.
        #expect(roster.handle(.file([new, server("a")]), at: 3) == [])
        #expect(roster.handle(.ended("b", how: "", success: true), at: 4) == [.launch(new)])
        #expect(roster.handle(.ended("a", how: "", success: true), at: 4) == [.launch(server("a"))])
        #expect(roster.servers["mine"]?.specification == server("mine"))
    }

    @Test func stopsEverythingOnce() {
        var roster = Roster()
        for name in ["a", "b", "c"] {
            _ = roster.handle(.add(server(name), .message), at: 0)
            if name != "c" { _ = roster.handle(.started(name), at: 0) }
        }
        _ = roster.handle(.failed("c", because: ""), at: 0)
        #expect(roster.handle(.stop, at: 1) == [.terminate("a"), .terminate("b"), .forget("c")])
        #expect(roster.handle(.add(server("d"), .message), at: 2) == [])
        #expect(roster.handle(.ended("a", how: "", success: true), at: 2) == [.forget("a")])
        #expect(roster.handle(.ended("b", how: "", success: true), at: 3) == [.forget("b"), .allStopped])
        #expect(roster.handle(.time, at: 9999) == [])
        var empty = Roster()
        #expect(empty.handle(.stop, at: 0) == [.allStopped])
    }

    // MARK: users

    private let passwords = """
        root:x:0:0:root:/root:/bin/bash
        broken line
        masix-nucleus:x:991:981::/nonexistent:/usr/sbin/nologin
        masix-names:x:0:0::/nonexistent:/usr/sbin/nologin
        anna:x:1000:1000::/home/anna:/bin/sh
        """

    @Test func rootKeepsThePartsApart() {
        let users = NodeUsers(supervisor: 0, gid: 0, base: 60_500, passwords: passwords)
        #expect(users.areApart && users.weaknesses.isEmpty)
        #expect(users[.nucleus] == .init(uid: 991, gid: 981, name: "masix-nucleus"))
        // A user of that name who is root would be none at all.
        #expect(users[.names] == .init(uid: 60_501, gid: 60_501, name: nil))
        let first = users.userForServer(besides: [])
        #expect(first.uid == 60_516)
        #expect(users.userForServer(besides: [60_516, 60_517]).uid == 60_518)
    }

    @Test func othersAreOneUser() {
        let users = NodeUsers(supervisor: 1000, gid: 1000, passwords: passwords)
        #expect(!users.areApart && users.weaknesses.count == 1)
        #expect(users[.nucleus] == .init(uid: 1000, gid: 1000, name: "anna"))
        #expect(users.userForServer(besides: [1]).uid == 1000)
    }

    // MARK: what is written

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_001, "2000-02-29T00:00:00.001Z"), (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (1_000_000_000_000, "2001-09-09T01:46:40.000Z"),
        ] as [(Int64, String)])
    func timesAsPeopleWriteThem(_ milliseconds: Int64, _ text: String) {
        #expect(UTCTime(milliseconds: milliseconds).description == text)
    }

    @Test func everyMessageComesBackFromItsBytes() throws {
        let specification = ServerSpecification(
            name: "n", command: ["/a", "b c", ""], environment: ["X=1"], uid: 5, gid: nil, restart: .onFailure)
        let role = RoleStatus(name: "n", state: .waiting, pid: 3, uid: 4, restarts: 5, milliseconds: 6, lastEnd: "exited with 1")
        let requests: [SupervisorRequest] = [
            .status, .list, .add(specification), .remove("n"), .restart("n"), .reload, .stop, .table([1, 0]), .names(after: "n"),
            .wait(TaskID(raw: 4)), .signal(TaskID(raw: 4), 15),
        ]
        for request in requests {
            #expect(try SupervisorRequest(wireBytes: request.wireBytes) == request)
            #expect(throws: WireError.self) { try SupervisorRequest(wireBytes: request.wireBytes + [1]) }
        }
        let status = NodeStatus(
            number: 1, incarnation: 2, directory: "/d", version: "3", protocolVersion: 4, milliseconds: 5, roles: [role], weaknesses: ["w"])
        let entry = ServerEntry(specification: specification, status: role, isFromFile: true)
        for answer: SupervisorAnswer in [
            .done, .status(status), .servers([entry]), .refused("no"), .table([6, 0, 0, 0, 0]),
            .names(
                [
                    NameRecord(
                        name: "n", port: PortID(node: NodeID(number: 1, incarnation: 1), counter: 3),
                        owner: NameOwner(uid: 1, task: TaskID(raw: 2), pid: 3, program: "p"))
                ], more: true),
            .ended(TaskEnd(words: "exited with 1", code: 1)), .ended(TaskEnd(words: "has ended", code: nil)),
        ] {
            #expect(try SupervisorAnswer(wireBytes: answer.wireBytes) == answer)
            #expect(throws: WireError.self) { try SupervisorAnswer(wireBytes: Array(answer.wireBytes.dropLast())) }
        }
    }
}
