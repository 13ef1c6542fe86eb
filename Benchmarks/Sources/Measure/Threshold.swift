/// What a ratio may be at most. Of the fields that pick the rows, those left out match anything.
public struct Threshold: Codable, Equatable, Sendable, CustomStringConvertible {
    public let name: CaseName
    public let mode: Mode
    public let floor: String
    public let place: Place?
    public let size: Int?
    public let depth: Int?
    public let thinkMicroseconds: Int?
    public let loaded: Bool?
    public let interface: Interface?
    public let ratioMax: Double

    enum CodingKeys: String, CodingKey {
        case name = "case", mode, floor, place = "where", size, depth, thinkMicroseconds = "think_us", loaded, interface, ratioMax = "ratio_max"
    }

    /// What came of it.
    public enum Verdict: Equatable, Sendable {
        case kept(worst: Double)
        case broken(worst: Double)
        /// No row with a ratio matches: nothing has been shown.
        case unmeasured
    }

    public func matches(_ row: Row) -> Bool {
        row.name == name && row.mode == mode && row.floor == floor && (place ?? row.place) == row.place && (size ?? row.size) == row.size
            && (depth == nil || depth == row.depth) && (thinkMicroseconds == nil || thinkMicroseconds == row.thinkMicroseconds)
            && (loaded == nil || loaded == row.loaded) && (interface ?? .swift) == (row.interface ?? .swift)
    }

    /// The worst of all rows that match decides.
    public func verdict(on rows: [Row]) -> Verdict {
        guard let worst = rows.filter(matches).compactMap(\.ratio).max() else { return .unmeasured }
        return worst <= ratioMax ? .kept(worst: worst) : .broken(worst: worst)
    }

    public var description: String {
        var parts = [name.rawValue, mode.rawValue]
        if let size { parts.append("\(size) bytes") }
        if let place { parts.append(place.rawValue) }
        if let depth { parts.append("depth \(depth)") }
        if let thinkMicroseconds { parts.append("think \(thinkMicroseconds) us") }
        if let loaded { parts.append(loaded ? "loaded" : "not loaded") }
        if interface == .c { parts.append("in C") }
        return parts.joined(separator: ", ") + ": at most \(ratioMax)x \(floor)"
    }
}
