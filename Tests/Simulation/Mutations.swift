import MasixSimulator
import Testing

/// A simulation that misses no defence when it is taken away proves nothing.
@Suite struct Mutations {
    @Test("architecture rules 1 to 14: each defence is missed when it is taken away", arguments: Mutation.allCases)
    func areCaught(_ mutation: Mutation) {
        let found = mutation.caught(within: 1..<Mutation.seedsMax, steps: 800)
        #expect(found != nil, "\(mutation.rawValue) survives")
    }
}
