/// What a ratio, or a time, may be at most. Of the fields that pick the rows, those left out match anything.
public struct Threshold: Codable, Equatable, Sendable, CustomStringConvertible {
    public let name: CaseName
    public let mode: Mode
    public let floor: String?
    public let place: Place?
    public let size: Int?
    public let depth: Int?
    public let members: Int?
    public let thinkMicroseconds: Int?
    public let loaded: Bool?
    public let interface: Interface?
    public let ratioMax: Double?
    /// Of the median, in microseconds: for what is asked in time.
    public let p50Max: Double?

    enum CodingKeys: String, CodingKey {
        case name = "case", mode, floor, place = "where", size, depth, thinkMicroseconds = "think_us", loaded, members, interface,
            ratioMax = "ratio_max"
        case p50Max = "p50_us_max"
    }

    /// What came of it.
    public enum Verdict: Equatable, Sendable {
        case kept(worst: Double)
        case broken(worst: Double)
        /// No row with a ratio matches: nothing has been shown.
        case unmeasured
    }

    public func matches(_ row: Row) -> Bool {
        row.name == name && row.mode == mode && (floor ?? row.floor) == row.floor && (place ?? row.place) == row.place
            && (size ?? row.size) == row.size
            && (depth == nil || depth == row.depth) && (thinkMicroseconds == nil || thinkMicroseconds == row.thinkMicroseconds)
            && (loaded == nil || loaded == row.loaded) && (members == nil || members == row.members)
            && (interface ?? .swift) == (row.interface ?? .swift)
    }

    /// The worst of all rows that match decides.
    public func verdict(on rows: [Row]) -> Verdict {
        let limit = p50Max ?? ratioMax ?? 0
        guard let worst = rows.filter(matches).compactMap({ p50Max == nil ? $0.ratio : $0.p50 }).max() else { return .unmeasured }
        return worst <= limit ? .kept(worst: worst) : .broken(worst: worst)
    }

    public var description: String {
        var parts = [name.rawValue, mode.rawValue]
        if let size { parts.append("\(size) bytes") }
        if let place { parts.append(place.rawValue) }
        if let depth { parts.append("depth \(depth)") }
        if let thinkMicroseconds { parts.append("think \(thinkMicroseconds) us") }
        if let loaded { parts.append(loaded ? "loaded" : "not loaded") }
        if interface == .c { parts.append("in C") }
        if let members { parts.append("\(members) members") }
        let limit = p50Max.map { "\($0) us" } ?? "\(ratioMax ?? 0)x \(floor ?? "its floor")"
        return parts.joined(separator: ", ") + ": at most " + limit
    }
}
