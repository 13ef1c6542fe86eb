import MasixNetwork
import NIOCore

/// What there is between this node and one other of the roster: the ledger of their sessions, and the link that carries the present one.
/// Lives on the event loop.
///
/// It stays when the other node is taken out of the roster, so that what it has declared dead stays so if the node comes back with the
/// same key.
final class Pairing {
    let number: UInt32
    /// Whose sessions these are: with another key it is another node.
    let fingerprint: [UInt8]
    var ledger: SessionLedger
    /// The session, as those above call it.
    var channel: ChannelID?
    /// Who is at the other end of it.
    var peer: ChannelPeer?
    var link: NodeLink?
    /// Those above take nothing for now, whichever link it comes by.
    var isPaused = false
    /// How the link ended that carried the session last.
    var lastEnd = ChannelEnd.silent
    /// When a session without a link is dead.
    var death: Scheduled<Void>?
    /// When an acknowledgement goes even if nothing else does.
    var acknowledgement: Scheduled<Void>?

    init(_ number: UInt32, _ fingerprint: [UInt8], _ ledger: SessionLedger) {
        self.number = number
        self.fingerprint = fingerprint
        self.ledger = ledger
    }

    func cancelTimers() {
        death?.cancel()
        acknowledgement?.cancel()
        (death, acknowledgement) = (nil, nil)
    }
}

extension ChannelEnd {
    /// Whether a session dies with the connection that ended so, instead of waiting for another one.
    var isDeath: Bool {
        switch self {
        case .lost, .silent, .superseded: false
        case .goodbye, .stopped, .refused, .refusedByPeer: true
        }
    }
}
