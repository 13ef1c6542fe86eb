/// What happened, line by line if somebody wants to read it, and always as one number that two equal histories share.
struct EventLog {
    static let linesMax = 4000

    private let keepsLines: Bool
    private(set) var lines: [String] = []
    private(set) var hash: UInt64 = 0xCBF2_9CE4_8422_2325

    init(keepsLines: Bool) { self.keepsLines = keepsLines }

    mutating func mix(_ value: UInt64) {
        hash = (hash ^ value) &* 0x0000_0100_0000_01B3
        hash ^= hash >> 29
    }

    mutating func note(_ line: @autoclosure () -> String) {
        guard keepsLines else { return }
        if lines.count >= 2 * Self.linesMax { lines.removeFirst(Self.linesMax) }
        lines.append(line())
    }

    var tail: ArraySlice<String> { lines.suffix(Self.linesMax) }
}
