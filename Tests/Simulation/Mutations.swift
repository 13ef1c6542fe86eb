import Foundation
import MasixSimulator
import Testing

/// A simulation that misses no defence when it is taken away proves nothing. All of them are taken away in the optimised build, by
/// `make simulate`; here are those that the first few seeds miss.
@Suite struct Mutations {
    @Test(
        "architecture rules 3, 4 and 8: a defence is missed when it is taken away",
        arguments: [Mutation.harvestSkipped, .roomUnchecked, .actionsNotRepeated])
    func areCaught(_ mutation: Mutation) {
        #expect(mutation.caught(within: 1..<60) != nil, "\(mutation.rawValue) survives")
    }

    @Test("architecture rules 1 to 14: each defence on the list is one that the simulator's shell can take away")
    func areAllMade() throws {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/Simulator").standardized
        let shell = try FileManager.default.contentsOfDirectory(at: sources, includingPropertiesForKeys: nil)
            .filter { $0.lastPathComponent != "Mutation.swift" }
            .map { try String(contentsOf: $0, encoding: .utf8) }.joined()
        for mutation in Mutation.allCases { #expect(shell.contains(".\(mutation)"), "nothing does \(mutation.rawValue)") }
        #expect(Set(Mutation.allCases.map(\.rawValue)).count == Mutation.allCases.count)
    }
}
