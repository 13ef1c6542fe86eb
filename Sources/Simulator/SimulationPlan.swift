/// What one simulation is to do: everything else follows from it.
public struct SimulationPlan: Sendable {
    public enum LeaseMode: String, Sendable, CaseIterable {
        /// Every message passes the nucleus.
        case off
        /// Leases are given, and closed only when the semantics need it.
        case on
        /// Leases are given, and revoked at random between any two steps, also in the middle of each other's closing.
        case random
    }

    public var seed: UInt64
    /// Steps of the schedule before the node is let run dry.
    public var steps: Int
    public var mode: LeaseMode
    public var mutation: Mutation?
    /// What the programs are at; nil: the seed chooses.
    var manner: Manner?
    /// Keep a line for each step.
    public var keepsLog: Bool

    /// Without a mode the seed chooses one.
    public init(seed: UInt64, steps: Int = 600, mode: LeaseMode? = nil, mutation: Mutation? = nil, keepsLog: Bool = false) {
        self.seed = seed
        self.steps = steps
        // Chances are better where there is more to go wrong.
        let choices: [LeaseMode] = [.random, .on, .random, .off]
        self.mode = mode ?? choices[Int(seed % 4)]
        self.mutation = mutation
        self.keepsLog = keepsLog
    }
}
