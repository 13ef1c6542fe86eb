import MasixLinux
import SystemPackage

/// Where a command's results go. Whoever reads them may stop reading: then there is nothing left to do.
enum Output {
    static func write(_ text: String) throws(Complaint) { try write(Array(text.utf8), to: 1) }

    static func line(_ text: String = "") throws(Complaint) { try write(text + "\n") }

    /// Remarks that are no result: standard error. If nobody listens there is nobody to tell.
    static func remark(_ text: String) {
        do throws(Complaint) { try write(Array((text + "\n").utf8), to: 2) } catch {
            // Standard error is closed.
        }
    }

    static func write(_ bytes: [UInt8], to raw: Int32) throws(Complaint) {
        var rest = bytes[...]
        while !rest.isEmpty {
            do throws(Errno) {
                rest = rest.dropFirst(try Descriptor.write(Array(rest), to: raw))
            } catch .wouldBlock, .resourceTemporarilyUnavailable {
                do throws(Errno) { _ = try Ready.poll(raw, for: .writable, timeoutNanoseconds: nil) } catch {
                    throw Complaint(error, "output")
                }
            } catch {
                throw Complaint(error, "output")
            }
        }
    }
}

/// A value as JSON, with the keys in the order in which they were written.
indirect enum JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByArrayLiteral, ExpressibleByFloatLiteral
{
    case null
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case number(Double)
    case text(String)
    case list([JSON])
    case object([(String, JSON)])

    init(stringLiteral value: String) { self = .text(value) }
    init(integerLiteral value: Int64) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(arrayLiteral elements: JSON...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements) }

    init(_ value: String) { self = .text(value) }
    init(_ value: String?) { self = value.map { .text($0) } ?? .null }
    init(_ value: Bool) { self = .bool(value) }
    init(_ value: some FixedWidthInteger) {
        if let signed = Int64(exactly: value) { self = .integer(signed) } else { self = .unsigned(UInt64(clamping: value)) }
    }
    init(_ value: Double) { self = value.isFinite ? .number(value) : .null }
    init(_ values: [JSON]) { self = .list(values) }

    /// On one line.
    var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .integer(let value): String(value)
        case .unsigned(let value): String(value)
        case .number(let value): "\(value)"
        case .text(let value): Self.quoted(value)
        case .list(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let members): "{" + members.map { Self.quoted($0.0) + ":" + $0.1.text }.joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case "\r": quoted += "\\r"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

/// Rows with a head, each column as wide as it must be.
struct TextTable {
    enum Alignment { case left, right }

    private let columns: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    init(_ columns: [(String, Alignment)]) { self.columns = columns.map { (title: $0.0, alignment: $0.1) } }

    var isEmpty: Bool { rows.isEmpty }

    mutating func add(_ cells: [String]) { rows.append(cells.map(Self.printable)) }

    /// Names come from other programs: what would move a terminal's cursor is shown as "?".
    static func printable(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "?" : $0 }))
    }

    var text: String {
        var widths = columns.map(\.title.count)
        for row in rows {
            for (index, cell) in row.enumerated() where index < widths.count { widths[index] = max(widths[index], cell.count) }
        }
        return ([columns.map(\.title)] + rows).map { row in
            var line = ""
            for (index, cell) in row.enumerated() where index < widths.count {
                let blanks = String(repeating: " ", count: widths[index] - cell.count)
                line += (index == 0 ? "" : "  ") + (columns[index].alignment == .right ? blanks + cell : cell + blanks)
            }
            while line.last == " " { line.removeLast() }
            return line + "\n"
        }.joined()
    }
}

/// Numbers for people.
enum Figure {
    /// "1.5 GB": powers of ten.
    static func bytes(_ count: Int) -> String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB"]
        var value = Double(count)
        var unit = 0
        while value >= 999.5 && unit < units.count - 1 {
            value /= 1000
            unit += 1
        }
        return unit == 0 ? "\(count) B" : "\(decimals(value, value < 10 ? 2 : value < 100 ? 1 : 0)) \(units[unit])"
    }

    static func decimals(_ value: Double, _ places: Int) -> String {
        guard value.isFinite else { return "-" }
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let whole = (abs(value) * scale).rounded()
        guard whole < 9e15 else { return "\(value)" }
        let digits = String(Int64(whole))
        let sign = value < 0 && whole > 0 ? "-" : ""
        guard places > 0 else { return sign + digits }
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        return sign + padded.dropLast(places) + "." + padded.suffix(places)
    }

    static func seconds(_ nanoseconds: UInt64) -> String {
        let seconds = nanoseconds / 1_000_000_000
        if seconds < 60 { return decimals(Double(nanoseconds) / 1e9, 1) + " s" }
        if seconds < 3600 { return "\(seconds / 60) min \(seconds % 60) s" }
        if seconds < 86_400 { return "\(seconds / 3600) h \(seconds % 3600 / 60) min" }
        return "\(seconds / 86_400) d \(seconds % 86_400 / 3600) h"
    }

    static func microseconds(_ nanoseconds: UInt64) -> String { decimals(Double(nanoseconds) / 1000, 2) + " us" }
}
