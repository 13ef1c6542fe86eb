import MasixTransport

/// The right to answer a call that came by a link, for as long as nothing is done with it but answering (architecture rule 10). It is a
/// value, so that a call needs no memory for it; whoever does anything else makes it a `SendOnceState` first.
///
/// Let go unused, it tells the caller so (T4).
struct LinkedReply: ~Copyable, Sendable {
    let space: Space
    let link: LinkEnd
    let token: ReplyToken
    private var isOpen = true

    init(space: Space, link: LinkEnd, token: ReplyToken) {
        (self.space, self.link, self.token) = (space, link, token)
    }

    /// It has been used.
    mutating func close() { isOpen = false }

    /// The same right as an object of its own.
    consuming func kept() -> SendOnceState {
        let state = SendOnceState(space: space, place: .link(link, token))
        close()
        return state
    }

    deinit {
        if isOpen { space.abandon(.link(link, token)) }
    }
}
