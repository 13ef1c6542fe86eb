package import Masix
import MasixLinux
import Synchronization
import SystemPackage

// The task's own port (spec/mach.md 1.2): who holds it changes the task's names by messages, which the task's library carries out
// (Documentation/Decisions/0002). They are those of `mach_port.defs`, subsystem 3200.

/// The receive right of the task's own port, and whether somebody receives there yet.
final class TaskPort: Sendable {
    let holder: ReceiveHolder
    private let isServed = Atomic<Bool>(false)

    init(_ holder: ReceiveHolder) { self.holder = holder }

    /// True the first time.
    func beginServing() -> Bool { !isServed.exchange(true, ordering: .relaxed) }
}

extension MachTask {
    /// From now on this is the task's own port. Nobody waits there before somebody can have sent something.
    package func serve(_ holder: ReceiveHolder) { taskPort.withLock { $0 = TaskPort(holder) } }

    /// A right of the task's is about to go into a message, or to be used for one.
    func noteUse(of reference: SendReference) {
        guard let port = taskPort.withLock({ $0 }), port.holder.making.port == reference.port, port.beginServing() else { return }
        do throws(Errno) {
            try DetachedThread.start("masix-task") { [self] in self.serveRequests(at: port.holder) }
        } catch {
            // There will be no answers: whoever asks waits as long as he wants to.
        }
    }

    private func serveRequests(at holder: ReceiveHolder) {
        while true {
            do throws(MasixError) {
                let message = try space.receive(from: holder, room: .max, deadline: .never, isOver: {}, taken: {})
                if let message { answer(message) }
            } catch {
                // The node is gone.
                return
            }
        }
    }

    private func answer(_ message: consuming ReceivedMessage) {
        guard message.notification == nil else { return }
        let reply = message.reply
        message.reply = .null
        let rights = message.rights
        message.rights = []
        var cargo = Cargo()
        var body: [UInt8]
        do throws(MachReturn) {
            guard message.format == .typed || message.format == .typedComplex,
                let arguments = TypedBody.arguments(message.bytes, rights)
            else { throw Self.badArguments }
            let results = try perform(message.code, arguments, &cargo)
            body = TypedBody.words([0]) + results
        } catch {
            body = TypedBody.words([error.rawValue])
            cargo = Cargo()
        }
        var answer = Message(code: message.code &+ 100, bytes: body)
        answer.rights = cargo.rights
        answer.memory = (try? cargo.objects()) ?? []
        answer.format = answer.rights.isEmpty && answer.memory.isEmpty && !Self.isComplex(message.code) ? .typed : .typedComplex
        switch reply {
        case .sendOnce(let state): _ = try? space.use(state, for: &answer)
        case .send(let reference): try? space.send(&answer, to: reference, deadline: .now)
        case .null, .dead, .receive, .make, .makeOnce: break
        }
    }

    /// What MIG's servers answer to a message of another shape, and to an id that they do not know.
    private static let badArguments = MachReturn(rawValue: UInt32(bitPattern: -304))
    private static let badID = MachReturn(rawValue: UInt32(bitPattern: -303))

    /// Whether the answer is of those that carry memory.
    private static func isComplex(_ id: UInt32) -> Bool { id == 3200 || id == 3212 }

    /// One request of `mach_port.defs`: what follows the return code.
    private func perform(
        _ id: UInt32, _ arguments: [TypedBody.Argument], _ cargo: inout Cargo
    ) throws(MachReturn) -> [UInt8] {
        func number(_ place: Int) throws(MachReturn) -> UInt32 {
            guard place < arguments.count, case .words(let words) = arguments[place], words.count == 1 else { throw Self.badArguments }
            return words[0]
        }
        func right(_ place: Int) throws(MachReturn) -> OwnedRight {
            guard place < arguments.count, case .right(let right) = arguments[place] else { throw Self.badArguments }
            return right
        }
        switch id {
        case 3200:
            let list = try names()
            return TypedBody.region(list.map(\.name), of: 15, &cargo) + TypedBody.region(list.map(\.type), of: 2, &cargo)
        case 3201: return TypedBody.words([try type(of: try number(0))])
        case 3202: try rename(try number(0), to: try number(1))
        case 3203: _ = try allocate(try number(0), name: try number(1))
        case 3204: return TypedBody.words([try allocate(try number(0))], of: 15)
        case 3205: try destroy(try number(0))
        case 3206: try deallocate(try number(0), .mach3)
        case 3207: return TypedBody.words([try references(of: try number(0), try number(1))])
        case 3208: try modifyReferences(of: try number(0), try number(1), by: Int32(bitPattern: try number(2)))
        case 3210: try setQueueLimit(try number(1), of: try number(0), .mach3)
        case 3211: try setMakeSendCount(try number(1), of: try number(0))
        case 3212: return TypedBody.region(try members(of: try number(0)), of: 15, &cargo)
        case 3213: try moveMember(try number(0), to: try number(1))
        case 3214:
            let previous = try requestNotification(
                of: try number(0), id: Int32(bitPattern: try number(1)), sync: try number(2), notify: try right(3), .mach3)
            cargo.rights.append(previous)
            return TypedBody.right(18)
        case 3215: try insert(try right(1), as: try number(0))
        case 3216:
            let extracted = try extract(try number(0), try number(1))
            cargo.rights.append(extracted.right)
            return TypedBody.right(extracted.type)
        case 3217: return TypedBody.words(try receiveStatus(of: try number(0)).words(.mach3))
        case 3218: try setSequence(try number(1), of: try number(0))
        case 3221: try setPayload(UInt64(try number(1)), of: try number(0))
        case 3222: try setPayload(nil, of: try number(0))
        default: throw Self.badID
        }
        return []
    }

    // MARK: for calls of another kind than messages

    package func copySend(_ name: PortName) throws(MachReturn) -> OwnedRight {
        try withNames { names throws(MachReturn) in try self.take(name, .copySend, &names) }
    }

    package func makeSend(_ name: PortName) throws(MachReturn) -> OwnedRight {
        try withNames { names throws(MachReturn) in try self.take(name, .makeSend, &names) }
    }
}
