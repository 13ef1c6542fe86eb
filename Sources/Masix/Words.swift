import MasixKernel

/// What a chief says in the name of another. An object, so that it weighs nothing in all the messages in which nobody does.
final class Words: Sendable {
    let speaker: Speaker
    init(_ speaker: Speaker) { self.speaker = speaker }
}
