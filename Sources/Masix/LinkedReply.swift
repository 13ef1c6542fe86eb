import MasixTransport

/// The right to answer a call that came by a link, for as long as nothing is done with it but answering (architecture rule 10). It is a
/// value, so that a call needs no memory for it; whoever does anything else makes it a `SendOnceState` first.
///
/// Let go unused, it tells the caller so (T4).
package struct LinkedReply: ~Copyable, Sendable {
    let space: Space
    let link: LinkEnd
    let token: ReplyToken
    private var isOpen = true

    init(space: Space, link: LinkEnd, token: ReplyToken) {
        (self.space, self.link, self.token) = (space, link, token)
    }

    /// It has been used.
    mutating func close() { isOpen = false }

    /// It can be answered with where it is: nobody has taken it over, and its port lives.
    package var isArmed: Bool {
        guard let word = space.control.callee(place: link.place, index: token.index) else { return false }
        return word.state(link: link.id, generation: token.generation) == .armed
    }

    /// Answers. As for every send-once right, success says nothing of the receiver (spec/mach.md S4).
    package consuming func answer(_ message: inout Message) throws(MasixError) { try Space.reply(&message, with: self) }

    /// The same right as an object of its own.
    package consuming func kept() -> SendOnceState {
        let state = SendOnceState(space: space, place: .link(link, token))
        close()
        return state
    }

    deinit {
        if isOpen { space.abandon(.link(link, token)) }
    }
}
