import MasixKernel
import MasixWire

@testable import MasixNetwork

/// Two ledgers over connections that are cut at any byte, late, silent and many at a time; sides that stand still, and begin again.
struct SessionPlan {
    var seed: UInt64
    var steps = 400
    /// Only cuts, never for longer than a session lives.
    var isGentle = false
    var defect: SessionDefect?
}

/// What whoever owns a ledger might do wrong.
enum SessionDefect: CaseIterable {
    /// What came before is told again.
    case tellsRepeats
    /// What was given to a connection counts as arrived.
    case forgetsWhatIsWritten
    /// What died for the other side goes on here.
    case survivesItsDeath
    /// Acknowledges a frame more than has come.
    case acknowledgesTooMuch
    /// The serials begin anew with each connection.
    case repeatsSerials
    /// A network server that begins again says that it is in its old life.
    case hidesItsNewLife
}

final class SessionWorld {
    struct Failure: Error, CustomStringConvertible { let description: String }

    struct Tally {
        var cuts = 0, resumptions = 0, repeats = 0, deaths = 0, delivered = 0, crossings = 0, restarts = 0, stale = 0, pauses = 0
    }

    /// Of one direction of a connection.
    struct Stream {
        var bytes: [UInt8] = []
        /// Nothing more comes; the end is read after the bytes.
        var isCut = false
        /// Nothing comes, and nobody is told.
        var isSilent = false
    }

    struct Wire {
        var streams = [Stream(), Stream()]
    }

    static let stall: UInt64 = 1_300
    static let death: UInt64 = 1_900
    static let ping: UInt64 = 600

    let plan: SessionPlan
    private var random: UInt64
    var now: UInt64 = 0
    var wires: [UInt64: Wire] = [:]
    var lastWire: UInt64 = 0
    var tally = Tally()
    var sides: [Side] = []
    var sent: [String: [Int]] = [:]
    var delivered: [String: Int] = [:]

    init(_ plan: SessionPlan) {
        self.plan = plan
        random = plan.seed &* 0x9E37_79B9_7F4A_7C15 | 1
        sides = [Side(0, life: 1, self), Side(1, life: 1, self)]
    }

    func chance(below limit: Int) -> Int {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return Int(random % UInt64(limit))
    }

    func run() throws(Failure) -> Tally {
        for _ in 0..<plan.steps {
            try step()
        }
        // From here on nothing goes wrong: they find each other, and everything arrives.
        for side in sides { side.pausedUntil = 0 }
        for wire in wires.keys { for end in 0...1 { wires[wire]?.streams[end].isSilent = false } }
        for _ in 0..<400 {
            for side in sides { try side.live() }
            now += 10
        }
        guard let first = sides[0].open, first == sides[1].open else {
            throw Failure(description: "calm, and the one has \(sides[0].open ?? "nothing"), the other \(sides[1].open ?? "nothing")")
        }
        for side in sides {
            try side.send(count: 3)
        }
        for _ in 0..<100 {
            for side in sides { try side.live() }
            now += 10
        }
        for side in sides {
            let key = "\(first) from \(side.index)"
            guard delivered[key, default: 0] == sent[key, default: []].count else {
                throw Failure(description: "\(key): \(sent[key, default: []].count) sent, \(delivered[key, default: 0]) delivered")
            }
            guard let session = side.ledger.session, session.acknowledged == session.sent else {
                throw Failure(description: "something is kept for ever")
            }
        }
        return tally
    }

    private func step() throws(Failure) {
        let side = sides[chance(below: 2)]
        switch chance(below: 100) {
        case 0..<30: try side.send(count: 1 + chance(below: 5))
        case 30..<85: for side in sides where chance(below: 4) > 0 { try side.live() }
        case 85..<93: cut()
        case 93..<95 where !plan.isGentle:
            if let wire = wires.keys.sorted().last { wires[wire]?.streams[chance(below: 2)].isSilent = true }
        case 95 where !plan.isGentle: side.pausedUntil = now + UInt64(chance(below: 10_000)); tally.pauses += 1
        case 96 where !plan.isGentle:
            try side.restart()
            tally.restarts += 1
        default: break
        }
        now += UInt64(chance(below: plan.isGentle ? 20 : 60))
    }

    /// Of what is on its way some arrives, up to any byte.
    private func cut() {
        guard let wire = wires.keys.sorted().filter({ wires[$0]?.streams.contains { !$0.isCut } == true }).last else { return }
        tally.cuts += 1
        for end in 0...1 {
            let count = wires[wire]?.streams[end].bytes.count ?? 0
            wires[wire]?.streams[end].bytes.removeLast(count == 0 ? 0 : chance(below: count + 1))
            wires[wire]?.streams[end].isCut = true
        }
    }

    func connect() -> UInt64 {
        lastWire += 1
        wires[lastWire] = Wire()
        return lastWire
    }

    func record(sent number: Int, in session: String, by index: Int) { sent["\(session) from \(index)", default: []].append(number) }

    func record(delivered number: Int, in session: String, to index: Int) throws(Failure) {
        let key = "\(session) from \(1 - index)"
        let before = delivered[key, default: 0]
        guard number == before else { throw Failure(description: "\(key): frame \(number) where \(before) is next") }
        guard number < sent[key, default: []].count else { throw Failure(description: "\(key): frame \(number) was never sent") }
        delivered[key] = before + 1
        tally.delivered += 1
    }
}

extension SessionWorld {
    /// One network server as far as its sessions go.
    final class Side {
        enum Stage { case greeting, agreed, up }

        struct Link {
            var stage = Stage.greeting
            var inbound: [UInt8] = []
            var life = ServerLife(incarnation: 0, start: 0)
            var heard: UInt64
            var wrote: UInt64
        }

        let index: Int
        unowned let world: SessionWorld
        var life: UInt64
        var ledger: SessionLedger
        var links: [UInt64: Link] = [:]
        /// The session as its core knows it.
        var open: String?
        var dead: Set<String> = []
        var lastSerial: UInt64 = 0
        var pausedUntil: UInt64 = 0
        var nextDial: UInt64 = 0
        /// Numbers of the frames of the open session.
        var count = 0

        init(_ index: Int, life: UInt64, _ world: SessionWorld) {
            self.index = index
            self.world = world
            self.life = life
            ledger = SessionLedger(own: ServerLife(incarnation: 1, start: life), decides: index == 0)
        }

        private var node: NodeID { NodeID(number: UInt32(index + 1), incarnation: 1) }

        func restart() throws(Failure) {
            for wire in links.keys { close(wire) }
            links = [:]
            (open, count, lastSerial) = (nil, 0, 0)
            if world.plan.defect != .hidesItsNewLife { life += 1 }
            ledger = SessionLedger(own: ServerLife(incarnation: 1, start: life), decides: index == 0)
        }

        // MARK: what its loop does

        func live() throws(Failure) {
            guard world.now >= pausedUntil else { return }
            for wire in links.keys.sorted() { try read(wire) }
            for (wire, link) in links.sorted(by: { $0.key < $1.key }) {
                if world.now >= link.heard + SessionWorld.stall { try lose(wire) }
                if links[wire]?.stage == .up, world.now >= link.wrote + SessionWorld.ping { say(.ping, on: wire) }
            }
            try perform(ledger.expire(at: world.now))
            if ledger.connection == nil, world.now >= nextDial {
                nextDial = world.now + UInt64(world.chance(below: 60))
                let wire = world.connect()
                begin(wire)
                world.sides[1 - index].begin(wire)
            }
            flush()
        }

        private func begin(_ wire: UInt64) {
            guard links.count < 12 else { return close(wire) }
            links[wire] = Link(heard: world.now, wrote: world.now)
            let hello = ChannelHello(node: node, name: "n", software: "s", start: life, memory: ledger.memory)
            say(.hello(hello), on: wire)
        }

        private func flush() {
            guard let wire = ledger.connection else { return }
            // Cuts lose it often enough.
            if world.chance(below: 2) == 0, var count = ledger.takeAcknowledgement() {
                if world.plan.defect == .acknowledgesTooMuch { count += 1 }
                say(.acknowledgement(count), on: wire)
            }
            for frame in ledger.takeUnwritten() {
                write(Self.framed(frame, 0), on: wire)
            }
            if world.plan.defect == .forgetsWhatIsWritten { _ = try? ledger.acknowledge(ledger.session?.sent ?? 0) }
        }

        func send(count more: Int) throws(Failure) {
            guard let open, world.now >= pausedUntil else { return }
            for _ in 0..<more {
                var writer = WireWriter()
                writer.write(open)
                writer.write(UInt32(count))
                writer.write(raw: [UInt8](repeating: 7, count: world.chance(below: 40)))
                world.record(sent: count, in: open, by: index)
                ledger.keep(writer.bytes)
                count += 1
            }
            if world.chance(below: 2) == 0 { flush() }
        }

        // MARK: reading

        private func read(_ wire: UInt64) throws(Failure) {
            guard let stream = world.wires[wire]?.streams[index], !stream.isSilent else { return }
            let taken = stream.bytes.isEmpty ? 0 : 1 + world.chance(below: stream.bytes.count)
            world.wires[wire]?.streams[index].bytes.removeFirst(taken)
            if taken > 0 { links[wire]?.heard = world.now }
            links[wire]?.inbound += stream.bytes.prefix(taken)
            while let inbound = links[wire]?.inbound, inbound.count >= 4 {
                let word = inbound[..<4].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                let length = Int(word & ~ChannelControl.lengthBit)
                guard inbound.count >= 4 + length else { break }
                links[wire]?.inbound.removeFirst(4 + length)
                try take(Array(inbound[4..<(4 + length)]), isControl: word & ChannelControl.lengthBit != 0, on: wire)
            }
            if taken == stream.bytes.count, stream.isCut, links[wire] != nil { try lose(wire) }
        }

        private func take(_ bytes: [UInt8], isControl: Bool, on wire: UInt64) throws(Failure) {
            guard isControl else { return try take(frame: bytes, on: wire) }
            guard let control = try? ChannelControl.read(bytes) else { throw Failure(description: "a control that is none") }
            switch control {
            case .hello(let hello): try welcome(hello, on: wire)
            case .acceptance(let acceptance): if let link = links[wire] { try perform(ledger.follow(acceptance, on: wire, in: link.life)) }
            case .acknowledgement(let count):
                do throws(ChannelRefusal) { _ = try ledger.acknowledge(count) } catch {
                    throw Failure(description: "\(error)")
                }
            case .refusal(let kind):
                if kind == ChannelRefusal.Kind.deadSession.rawValue, ledger.connection == wire { try perform(ledger.end(releasing: true)) }
                try lose(wire)
            case .ping, .goodbye: break
            }
        }

        private func welcome(_ hello: ChannelHello, on wire: UInt64) throws(Failure) {
            let steps: [SessionLedger.Step]
            do throws(ChannelRefusal) {
                steps = try ledger.meet(hello.life)
            } catch {
                world.tally.stale += 1
                return try lose(wire)
            }
            try perform(steps)
            links[wire]?.stage = .agreed
            links[wire]?.life = hello.life
            guard index == 0 else { return }
            lastSerial = world.plan.defect == .repeatsSerials ? 1 : lastSerial + 1
            try perform(ledger.decide(wire, hello.memory, next: lastSerial))
        }

        private func take(frame bytes: [UInt8], on wire: UInt64) throws(Failure) {
            guard ledger.connection == wire else { return }
            let isNew = ledger.receive(bytes: bytes.count)
            if !isNew { world.tally.repeats += 1 }
            guard isNew || world.plan.defect == .tellsRepeats, let open else { return }
            var reader = WireReader(bytes)
            guard let session = try? reader.readText(limit: 100, field: "session"), let number = try? reader.read(UInt32.self) else {
                throw Failure(description: "bytes that nobody sent")
            }
            guard session == open else { throw Failure(description: "a frame of \(session) in \(open)") }
            try world.record(delivered: Int(number), in: session, to: index)
        }

        // MARK: what follows

        private func perform(_ steps: [SessionLedger.Step]) throws(Failure) {
            for step in steps {
                switch step {
                case .release(let wire):
                    world.tally.crossings += 1
                    close(wire)
                case .died:
                    world.tally.deaths += 1
                    if world.plan.defect != .survivesItsDeath {
                        if let open { dead.insert(open) }
                        (open, count) = (nil, 0)
                    }
                case .accept(let wire, let acceptance): say(.acceptance(acceptance), on: wire)
                case .freed: break
                case .begun(let wire):
                    links[wire]?.stage = .up
                    let other = world.sides[1 - index].life
                    let lives =
                        index == 0 ? "\(life)+\(ledger.session?.life.start ?? other)" : "\(ledger.session?.life.start ?? other)+\(life)"
                    let name = "session \(ledger.session?.serial ?? 0) of \(lives)"
                    guard !dead.contains(name) else { throw Failure(description: "\(name) lives again") }
                    if open == nil { (open, count) = (name, 0) }
                case .resumed(let wire):
                    world.tally.resumptions += 1
                    links[wire]?.stage = .up
                case .refuse(let wire, let refusal):
                    if refusal == .impossibleResumption { throw Failure(description: "\(refusal)") }
                    if refusal.kind.isTold { say(.refusal(refusal.kind.rawValue), on: wire) }
                    close(wire)
                }
            }
        }

        private func lose(_ wire: UInt64) throws(Failure) {
            let heard = links[wire]?.heard ?? world.now
            close(wire)
            ledger.lost(wire, at: world.now, deadline: heard + SessionWorld.death)
            try perform(ledger.expire(at: world.now))
        }

        private func close(_ wire: UInt64) {
            links[wire] = nil
            world.wires[wire]?.streams[1 - index].isCut = true
        }

        private func say(_ control: ChannelControl, on wire: UInt64) {
            write(Self.framed(control.wireBytes, ChannelControl.lengthBit), on: wire)
        }

        private static func framed(_ bytes: [UInt8], _ bit: UInt32) -> [UInt8] {
            var writer = WireWriter()
            writer.write(UInt32(bytes.count) | bit)
            writer.write(raw: bytes)
            return writer.bytes
        }

        private func write(_ bytes: [UInt8], on wire: UInt64) {
            links[wire]?.wrote = world.now
            guard world.wires[wire]?.streams[1 - index].isCut == false else { return }
            world.wires[wire]?.streams[1 - index].bytes += bytes
        }
    }
}
