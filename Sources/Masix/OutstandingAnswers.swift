import MasixTransport
import Synchronization

/// Calls by links that are to be answered at one port of the program, and have not been (Documentation/Decisions/0017).
///
/// A word stays here from before its call is committed until its answer has been received, or the nucleus has taken it over.
struct OutstandingAnswers {
    private(set) var words: [PreparedReply] = []
    /// The reply word that the last call has used, for the next one.
    private var spare: (link: LinkEnd, token: ReplyToken)?

    /// A word on this link for one more call to be answered at the port; nil if all are in use.
    mutating func begin(over link: LinkEnd, control: ControlMemory, at port: ReceiveEntry) -> PreparedReply? {
        var token: ReplyToken?
        if let spare, spare.link === link {
            token = spare.token.next
            self.spare = nil
        } else {
            token = link.calls.withLock { $0.begin() }
            if token == nil {
                prune()
                token = link.calls.withLock { $0.begin() }
            }
        }
        guard let token else { return nil }
        guard let entry = control.caller(place: link.place, index: token.index) else {
            link.calls.withLock { $0.end(token) }
            return nil
        }
        let word = PreparedReply(link: link, token: token, entry: entry, port: port.port, asker: port)
        words.append(word)
        return word
    }

    /// The call is over, or was not made.
    mutating func end(_ word: PreparedReply) {
        // The last call is answered first where there is one at a time.
        guard let place = words.lastIndex(where: { $0.token == word.token && $0.link === word.link }) else { return }
        end(at: place)
    }

    /// The call at this place of `words` is over.
    mutating func end(at place: Int) { free(words.remove(at: place)) }

    /// Lets go of words that the nucleus has taken over: what it has to say comes by the home queue.
    mutating func prune() {
        for word in words where word.isOver { end(word) }
    }

    /// The link has closed.
    mutating func forget(_ link: LinkEnd) {
        words.removeAll { $0.link === link }
        if spare?.link === link { spare = nil }
    }

    private mutating func free(_ word: PreparedReply) {
        if let spare { spare.link.calls.withLock { $0.end(spare.token) } }
        spare = (word.link, word.token)
    }

    /// The place of one whose answer lies in its slot, as far as can be seen.
    var answered: Int? { words.firstIndex { $0.isAnswered && $0.isTakeable } }
}

extension PreparedReply {
    /// Nobody but the caller decides about it: the call has been made, and its answer can be taken when it is there.
    var isTakeable: Bool { entry.isTakeable(link: link.id, generation: token.generation) }

    /// The call was made, and its answer is the nucleus's to bring, or has been taken.
    var isOver: Bool { entry.isOver(link: link.id, generation: token.generation) }

    /// The answer lies in its slot: looked at while spinning.
    var isHere: Bool { link.news.isGiven(token) && isTakeable }
}

extension ReceiveEntry {
    /// The call that was made last of those that are to be answered here: its answer is the likeliest to come next.
    var lastAsked: PreparedReply? {
        guard isAsking else { return nil }
        return answers.withLock { $0.words.last }
    }

    /// Calls are to be answered here, by links.
    @inline(__always)
    var isAsking: Bool { answerCount.load(ordering: .acquiring) > 0 }

    func withAnswers<Result: Sendable>(_ body: (inout OutstandingAnswers) throws(MasixError) -> Result) throws(MasixError) -> Result {
        try answers.withLock { answers throws(MasixError) in
            defer { answerCount.store(answers.words.count, ordering: .releasing) }
            return try body(&answers)
        }
    }
}
