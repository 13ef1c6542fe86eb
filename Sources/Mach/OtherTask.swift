import Masix

/// Another task, by its own port: its library changes its names for whoever holds a right to that (spec/mach.md 1.2), asked by the messages
/// of `mach_port.defs`.
package struct OtherTask: Sendable {
    private let task: MachTask
    private let port: SendReference

    /// `.invalidTask` for a name that is no send right.
    package init(_ name: PortName, of task: MachTask) throws(MachReturn) {
        self.task = task
        port = try task.withNames { names throws(MachReturn) -> SendReference in
            guard let entry = names[name], let send = entry.send, !send.isDead else { throw .invalidTask }
            return send.copy()
        }
    }

    /// What goes into a request, in the order of its arguments.
    package enum Item {
        /// A number of this type.
        case number(UInt32, type: UInt32 = 2)
        case name(PortName)
        case right(PortName, Disposition)
        case noRight
    }

    /// What follows the return code in the answer.
    package struct Results: ~Copyable {
        fileprivate let arguments: [TypedBody.Argument]
        fileprivate let task: MachTask

        package func numbers(_ place: Int) throws(MachReturn) -> [UInt32] {
            guard place < arguments.count, case .words(let words) = arguments[place] else { throw .failure }
            return words
        }

        package func number(_ place: Int) throws(MachReturn) -> UInt32 {
            guard let first = try numbers(place).first else { throw .failure }
            return first
        }

        /// The name that a right has got here.
        package func right(_ place: Int) throws(MachReturn) -> PortName {
            guard place < arguments.count, case .right(let right) = arguments[place] else { throw .failure }
            return try task.arrive(right)
        }
    }

    /// One request: its results, or what the other task's library answered.
    package func ask(_ id: UInt32, _ items: [Item]) throws(MachReturn) -> Results {
        var body: [UInt8] = []
        var rights: [OwnedRight] = []
        for item in items {
            switch item {
            case .number(let number, let type): body += TypedBody.words([number], of: type)
            case .name(let name): body += TypedBody.words([name], of: 15)
            case .right(let name, let disposition):
                rights.append(try task.takeForBody(name, disposition))
                body += TypedBody.right(disposition.arrived)
            case .noRight:
                rights.append(.null)
                body += TypedBody.right(18)
            }
        }
        var request = Message(code: id, bytes: body)
        request.rights = rights
        request.format = rights.isEmpty ? .typed : .typedComplex
        guard let arguments = try Self.answer(to: &request, by: port, task), case .words(let code)? = arguments.first, code.count == 1
        else { throw .failure }
        guard code[0] == 0 else { throw MachReturn(rawValue: code[0]) }
        return Results(arguments: Array(arguments.dropFirst()), task: task)
    }

    private static func answer(
        to request: inout Message, by port: SendReference, _ task: MachTask
    ) throws(MachReturn) -> [TypedBody.Argument]? {
        do throws(MasixError) {
            let answer = try task.space.call(&request, to: port)
            return TypedBody.arguments(answer.bytes, answer.rights, memory: answer.memory)
        } catch {
            throw .invalidTask
        }
    }
}
