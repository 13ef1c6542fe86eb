import Masix
import MasixNameServer
import MasixWire
import Testing

/// The books of the name server, without one.
@Suite struct NodeTable {
    private func owner(_ uid: UInt32) -> NameOwner { NameOwner(uid: uid, task: TaskID(raw: UInt64(uid) + 1), pid: 5, program: "p") }

    private func record(_ name: String, _ port: UInt64, uid: UInt32 = 1000) -> NameRecord {
        NameRecord(name: name, port: PortID(node: NodeID(number: 1, incarnation: 1), counter: port), owner: owner(uid))
    }

    private func limited(names: Int = 1024, waiters: Int = 256) -> NameTable {
        var limits = NameTable.Limits()
        limits.namesPerUser = names
        limits.waitersPerUser = waiters
        return NameTable(limits: limits)
    }

    @Test func aNameIsKeptBeforeItsOwnerIsAnswered() {
        var table = NameTable()
        let door = record("door", 7)
        #expect(
            table.handle(.register(door, replace: false, by: 1)) == [
                .keep("door", from: 1), .watch("door"), .deposit(door), .answer(1, .done),
            ])
        #expect(table.handle(.lookUp("door", uid: 5, until: nil, by: 2)) == [.give(2, "door")])
        // Said again after a lost answer: nothing changes.
        #expect(table.handle(.register(door, replace: false, by: 3)) == [.answer(3, .done)])
        // A second name of the same port: it is watched already.
        let gate = record("gate", 7)
        #expect(
            table.handle(.register(gate, replace: false, by: 4)) == [.keep("gate", from: 4), .deposit(gate), .answer(4, .done)])
        #expect(
            table.handle(.died(door.port)) == [.withdraw("door"), .forget("door"), .withdraw("gate"), .forget("gate")])
        #expect(table.count == 0)
        #expect(table.handle(.died(door.port)) == [])
    }

    @Test func whoWaitsIsAskedForWhenSomebodyIsThereToBeAsked() {
        var table = NameTable()
        #expect(table.handle(.lookUp("door", uid: 5, until: 900, wait: 900, by: 1)) == [])
        #expect(table.handle(.lookUp("door", uid: 5, until: 700, wait: 700, here: true, by: 2)) == [])
        table.advance(to: 300)
        #expect(table.handle(.connected(true)) == [.askElsewhere(1, "door", wait: 600)])
        // Nobody waits for the other nodes any longer than they are there; who waits does.
        #expect(table.handle(.lookUp("gate", uid: 5, until: nil, by: 3)) == [.askElsewhere(3, "gate", wait: 0)])
        #expect(table.handle(.connected(false)) == [.answer(3, .unknown(known: [], count: 0))])
        table.advance(to: 400)
        #expect(table.handle(.connected(true)) == [.askElsewhere(1, "door", wait: 500)])
        // What was found has died before it was here.
        #expect(table.handle(.diedElsewhere(1)) == [.askElsewhere(1, "door", wait: 500)])
        #expect(table.handle(.lookUp("gate", uid: 5, until: nil, by: 4)) == [.askElsewhere(4, "gate", wait: 0)])
        // Somebody else may have it: one who does not wait is asked for once more.
        #expect(table.handle(.diedElsewhere(4)) == [.askElsewhere(4, "gate", wait: 0)])
        #expect(table.handle(.diedElsewhere(4)) == [.answer(4, .unknown(known: [], count: 0))])
    }

    @Test func whoMayReplaceAndRemove() {
        var table = NameTable()
        let old = record("n", 1, uid: 1000)
        _ = table.handle(.register(old, replace: false, by: 1))
        for uid: UInt32 in [1001, 65_534] {
            #expect(table.handle(.register(record("n", 2, uid: uid), replace: false, by: 2)) == [.answer(2, .taken(old.owner))])
            #expect(table.handle(.register(record("n", 2, uid: uid), replace: true, by: 2)) == [.answer(2, .notOwner(old.owner))])
            #expect(table.handle(.remove("n", uid: uid, by: 3)) == [.answer(3, .notOwner(old.owner))])
        }
        #expect(table.handle(.register(record("n", 2), replace: false, by: 4)) == [.answer(4, .taken(old.owner))])
        // Root takes it, and it is root's then.
        let new = record("n", 3, uid: 0)
        #expect(
            table.handle(.register(new, replace: true, by: 5)) == [
                .keep("n", from: 5), .watch("n"), .deposit(new), .answer(5, .done),
            ])
        #expect(table.handle(.remove("n", uid: 1000, by: 6)) == [.answer(6, .notOwner(new.owner))])
        #expect(table.handle(.died(old.port)) == [])
        #expect(table.handle(.remove("n", uid: 0, by: 7)) == [.withdraw("n"), .forget("n"), .answer(7, .done)])
        #expect(table.handle(.remove("n", uid: 0, by: 8)) == [.answer(8, .unknown(known: [], count: 0))])
    }

    @Test func whoWaitsIsGivenItOrToldInTime() {
        var table = limited(waiters: 2)
        #expect(table.handle(.lookUp("late", uid: 1, until: 500, by: 1)) == [])
        #expect(table.handle(.lookUp("late", uid: 1, until: 300, by: 2)) == [])
        #expect(table.handle(.lookUp("late", uid: 1, until: 300, by: 3)) == [.answer(3, .tooMany(limit: 2))])
        #expect(table.handle(.lookUp("late", uid: 2, until: 900, by: 4)) == [])
        #expect(table.nextDeadline == 300)
        #expect(table.handle(.time(299)) == [])
        #expect(table.handle(.time(300)) == [.answer(2, .notYet)])
        #expect(table.nextDeadline == 500)
        let late = record("late", 9)
        #expect(
            table.handle(.register(late, replace: false, by: 5)) == [
                .keep("late", from: 5), .watch("late"), .deposit(late), .answer(5, .done), .give(1, "late"), .give(4, "late"),
            ])
        #expect(table.nextDeadline == nil)
        // Both places of the first user are free again.
        _ = table.handle(.lookUp("x", uid: 1, until: 1000, by: 6))
        #expect(table.handle(.lookUp("x", uid: 1, until: 1000, by: 7)) == [])
    }

    @Test func oneUsersNamesAreCounted() {
        var table = limited(names: 2)
        _ = table.handle(.register(record("a", 1), replace: false, by: 1))
        _ = table.handle(.register(record("b", 2), replace: false, by: 2))
        #expect(table.handle(.register(record("c", 3), replace: false, by: 3)) == [.answer(3, .tooMany(limit: 2))])
        // A replacement costs nothing more, another user has his own.
        #expect(table.handle(.register(record("b", 4), replace: true, by: 4)).last == .answer(4, .done))
        #expect(table.handle(.register(record("c", 3, uid: 7), replace: false, by: 5)).last == .answer(5, .done))
        _ = table.handle(.remove("a", uid: 1000, by: 6))
        #expect(table.handle(.register(record("d", 5), replace: false, by: 7)).last == .answer(7, .done))
    }

    @Test func allNamesAreCounted() {
        var limits = NameTable.Limits()
        limits.names = 2
        var table = NameTable(limits: limits)
        for uid: UInt32 in 1...2 { _ = table.handle(.register(record("n\(uid)", UInt64(uid), uid: uid), replace: false, by: 1)) }
        #expect(table.handle(.register(record("n3", 3, uid: 3), replace: false, by: 2)) == [.answer(2, .tooMany(limit: 2))])
        #expect(table.handle(.register(record("n2", 4, uid: 2), replace: true, by: 3)).last == .answer(3, .done))
    }

    @Test func whatIsRestoredIsWatchedAndNotDepositedAgain() {
        var table = NameTable()
        #expect(table.handle(.restore(record("a", 1))) == [.watch("a")])
        #expect(table.handle(.restore(record("b", 1))) == [])
        #expect(table["a"] == record("a", 1))
        #expect(table.handle(.register(record("a", 1), replace: false, by: 1)) == [.answer(1, .done)])
    }

    @Test func namesComeInPages() {
        var table = NameTable()
        let all = (0..<150).map { record("name-\(1000 + $0)", UInt64($0)) }
        for record in all { _ = table.handle(.register(record, replace: false, by: 1)) }
        var seen: [NameRecord] = []
        while true {
            guard case .answer(9, .names(let names, let more))? = table.handle(.list(after: seen.last?.name ?? "", by: 9)).first else {
                return _ = Issue.record("no page")
            }
            #expect(names.count <= NameAnswer.namesPerAnswerMax)
            seen += names
            if !more { break }
        }
        #expect(seen == all)
        guard case .answer(_, .unknown(let known, let count))? = table.handle(.lookUp("nobody", uid: 1, until: nil, by: 1)).first else {
            return _ = Issue.record("known")
        }
        #expect(known.count == NameAnswer.knownMax && count == 150)
    }

    @Test(arguments: ["", "two words", "tab\t", "zero\0", "käse", String(repeating: "x", count: 256)])
    func noNames(_ text: String) {
        var table = NameTable()
        #expect(table.handle(.register(record(text, 1), replace: false, by: 1)) == [.answer(1, .invalidName)])
        #expect(table.handle(.lookUp(text, uid: 1, until: 9, by: 1)) == [.answer(1, .invalidName)])
    }

    @Test func everyMessageComesBackFromItsBytes() throws {
        let owner = owner(3)
        let requests: [NameRequest] = [
            .register("a", replace: true), .lookUp("b", waitMilliseconds: 77), .remove("c"), .list(after: "d"),
        ]
        for request in requests { #expect(try NameRequest(wireBytes: request.wireBytes) == request) }
        let answers: [NameAnswer] = [
            .done, .found, .names([record("n", 4)], more: true), .notYet, .unknown(known: ["k"], count: 3), .taken(owner), .notOwner(owner),
            .invalidName, .tooMany(limit: 4), .noRight,
        ]
        for answer in answers {
            #expect(try NameAnswer(wireBytes: answer.wireBytes) == answer)
            #expect(throws: WireError.self) { try NameAnswer(wireBytes: answer.wireBytes + [0]) }
            #expect(throws: WireError.self) { try NameAnswer(wireBytes: Array(answer.wireBytes.dropLast())) }
        }
        #expect(throws: WireError.self) { try NameRequest(wireBytes: [9]) }
    }

    // MARK: names of other nodes

    private func port(_ number: UInt64) -> PortID { PortID(node: NodeID(number: 1, incarnation: 1), counter: number) }

    private func connected() -> NameTable {
        var table = NameTable()
        _ = table.handle(.connected(true))
        return table
    }

    @Test func aNameWithANodeIsAskedThereOrHereAndNeverRegistered() {
        var table = connected()
        #expect(table.handle(.register(record("door@b", 7), replace: false, by: 1)) == [.answer(1, .invalidName)])
        _ = table.handle(.register(record("door", 7), replace: false, by: 2))
        #expect(table.handle(.lookUp("door@b", uid: 5, until: nil, by: 3)) == [.askElsewhere(3, "door@b", wait: 0)])
        // The node's own name is learnt when somebody uses it, and nobody is asked again.
        #expect(table.handle(.lookUp("door@a", uid: 5, until: nil, by: 4)) == [.askElsewhere(4, "door@a", wait: 0)])
        #expect(table.handle(.isOwnNode(4)) == [.give(4, "door")])
        #expect(table.handle(.lookUp("door@a", uid: 5, until: nil, by: 5)) == [.give(5, "door")])
        #expect(table.handle(.confirm("door@a", port(7), by: 6)) == [.answer(6, .done)])
        #expect(table.handle(.noNode(3, "b", known: ["c"])) == [.answer(3, .noNode("b", known: ["c"]))])
        #expect(table.handle(.lookUp("x@y@z", uid: 5, until: nil, by: 7)) == [.answer(7, .invalidName)])
        _ = table.handle(.connected(false))
        #expect(table.handle(.lookUp("door@b", uid: 5, until: nil, by: 8)) == [.answer(8, .noNode("b", known: []))])
    }

    @Test func aNameThatWasHandedOutIsTakenBackOnce() {
        var table = connected()
        let door = record("door", 7)
        _ = table.handle(.register(door, replace: false, by: 1))
        // Nobody elsewhere knows it yet.
        #expect(!table.handle(.register(record("door", 8), replace: true, by: 2)).contains(.tellElsewhere("door")))
        _ = table.handle(.lookUp("door", uid: 0, until: nil, here: true, by: 3))
        #expect(table.handle(.register(record("door", 9), replace: true, by: 4)).contains(.tellElsewhere("door")))
        #expect(!table.handle(.remove("door", uid: 0, by: 5)).contains(.tellElsewhere("door")))
        // One who has waited for it there has it too.
        _ = table.handle(.lookUp("late", uid: 0, until: 1_000, wait: 900, here: true, by: 6))
        _ = table.handle(.register(record("late", 4), replace: false, by: 7))
        #expect(table.handle(.died(port(4))).contains(.tellElsewhere("late")))
    }

    @Test func whatIsAnnouncedIsFoundWithoutAskingUntilItIsWithdrawn() {
        var table = connected()
        #expect(table.handle(.learn("far", port(50), from: 1)) == [.remember("far", from: 1)])
        #expect(table.handle(.lookUp("far", uid: 5, until: nil, by: 2)) == [.giveRemembered(2, "far")])
        // Said again it changes nothing; another port takes its place.
        #expect(table.handle(.learn("far", port(50), from: 3)) == [])
        #expect(table.handle(.learn("far", port(51), from: 4)) == [.remember("far", from: 4)])
        #expect(table.handle(.unlearn(["far", "far@b"], port(50))) == [])
        #expect(table.handle(.unlearn(["far", "far@b"], port(51))) == [.forgetRemembered("far")])
        #expect(table.handle(.lookUp("far", uid: 5, until: nil, by: 5)) == [.askElsewhere(5, "far", wait: 0)])
        // It is kept for a minute after its last use, and not for ever.
        _ = table.handle(.learn("old", port(60), from: 6))
        #expect(table.handle(.time(NameTable.learntMilliseconds - 1)) == [])
        #expect(table.handle(.time(NameTable.learntMilliseconds)) == [.forgetRemembered("old")])
        // Nobody may announce what is no name, or a name with a node.
        #expect(table.handle(.learn("far@b", port(61), from: 7)) == [])
        #expect(table.handle(.learn("no name", port(61), from: 7)) == [])
    }

    @Test func whoWaitsGetsWhatIsAnnounced() {
        var table = connected()
        _ = table.handle(.lookUp("far", uid: 5, until: 9_000, wait: 9_000, by: 1))
        #expect(table.handle(.learn("far", port(50), from: 2)) == [.remember("far", from: 2), .giveRemembered(1, "far")])
        #expect(table.handle(.foundElsewhere(1, port(50), at: 1)) == [])
    }

    @Test func aBoundedNumberIsLearnt() {
        var limits = NameTable.Limits()
        limits.learnt = 2
        var table = NameTable(limits: limits)
        _ = table.handle(.connected(true))
        for number in UInt64(1)...2 { #expect(table.handle(.learn("n\(number)", port(number), from: number)).count == 1) }
        #expect(table.handle(.learn("n3", port(3), from: 3)) == [])
        #expect(table.handle(.unlearn(["n1"], port(1))) == [.forgetRemembered("n1")])
        #expect(table.handle(.learn("n3", port(3), from: 4)) == [.remember("n3", from: 4)])
    }

    @Test func aWithdrawalThatOvertakesTheAnswerIsHeeded() {
        var table = connected()
        _ = table.handle(.lookUp("far", uid: 5, until: nil, by: 1))
        #expect(table.handle(.unlearn(["far", "far@b"], port(50))) == [])
        // It was the name's when it was asked for; it is not remembered.
        #expect(table.handle(.foundElsewhere(1, port(50), at: 1)) == [.giveArrived(1)])
        #expect(table.handle(.lookUp("far", uid: 5, until: nil, by: 2)) == [.askElsewhere(2, "far", wait: 0)])
    }

    @Test func whatDiedOnItsWayIsAskedForOnceMore() {
        var table = connected()
        _ = table.handle(.lookUp("far", uid: 5, until: nil, by: 1))
        #expect(table.handle(.diedElsewhere(1)) == [.askElsewhere(1, "far", wait: 0)])
        #expect(table.handle(.diedElsewhere(1)) == [.answer(1, .unknown(known: [], count: 0))])
    }
}
