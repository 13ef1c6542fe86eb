import Logging
import MasixNetwork
import NIOCore

/// Says why somebody was refused: each kind at once, then at most once a second, with how many were not said.
struct RefusalLog {
    private struct Silence {
        var until: NIODeadline
        var unsaid: Int
    }

    private var silences: [ChannelRefusal.Kind: Silence] = [:]
    private let logger: Logger

    init(_ logger: Logger) { self.logger = logger }

    mutating func say(_ refusal: ChannelRefusal, of whom: String, now: NIODeadline) {
        if var silence = silences[refusal.kind], now < silence.until {
            silence.unsaid += 1
            silences[refusal.kind] = silence
            return
        }
        let unsaid = silences[refusal.kind]?.unsaid ?? 0
        silences[refusal.kind] = Silence(until: now + .seconds(1), unsaid: 0)
        // Both nodes dial, so that one of two connections is refused as a matter of course.
        logger.log(
            level: refusal.kind == .duplicate ? .debug : .warning,
            "refused \(whom): \(refusal)\(unsaid == 0 ? "" : " (and \(unsaid) times not said)")")
    }
}
