import Masix
import MasixProtocols
import MasixWire

/// The names that a name server has deposited, with their rights: what its successor starts from.
final class Deposits {
    private final class Held {
        let right: SendRight
        init(_ right: consuming SendRight) { self.right = right }
    }

    private var names: [String: (record: NameRecord, held: Held)] = [:]

    var count: Int { names.count }

    func keep(_ record: NameRecord, _ right: consuming SendRight) { names[record.name] = (record, Held(right)) }

    func forget(_ name: String) { names[name] = nil }

    /// The names after this one, as they are shown, and whether there are more.
    func records(after last: String, max: Int) -> ([NameRecord], more: Bool) {
        let after = names.keys.filter { $0 > last }.sorted()
        return (after.prefix(max).compactMap { names[$0]?.record }, after.count > max)
    }

    /// The names after this one, as they are handed back.
    func page(after last: String) -> Message {
        let after = names.keys.filter { $0 > last }.sorted()
        let page = after.prefix(DepositedNames.namesMax).compactMap { names[$0] }
        let answer = DepositedNames(names: page.map(\.record), more: after.count > page.count)
        var message = Message(code: DepositRequest.code, bytes: answer.wireBytes)
        for deposit in page { message.attach(deposit.held.right.copy()) }
        return message
    }
}
