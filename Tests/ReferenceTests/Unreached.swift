import MasixReferenceModel

/// What random programs on polling threads in one process do not come to: each with the test that shows it, and the words by which it is
/// found there.
struct Unreached {
    let what: String
    let file: String
    let words: String

    static let codes: [String: Unreached] = Dictionary(
        [
            Unreached(what: "INVALID_ADDRESS", file: "Tests/MachPrograms/both/unreadable.c", words: "KERN_INVALID_ADDRESS"),
            Unreached(what: "NO_SPACE", file: "Tests/MachTests/ShortageTests.swift", words: "MachReturn.noSpace"),
            Unreached(what: "RESOURCE_SHORTAGE", file: "Tests/MachTests/ShortageTests.swift", words: "MachReturn.resourceShortage"),
            Unreached(what: "INVALID_TASK", file: "Tests/MachPrograms/both/names.c", words: "KERN_INVALID_TASK"),
            Unreached(what: "SEND_INVALID_DATA", file: "Tests/MachPrograms/both/unreadable.c", words: "MACH_SEND_INVALID_DATA"),
            Unreached(what: "SEND_INTERRUPTED", file: "Tests/MachPrograms/both/interrupts.c", words: "MACH_SEND_INTERRUPTED"),
            Unreached(what: "RCV_INTERRUPTED", file: "Tests/MachPrograms/both/interrupts.c", words: "MACH_RCV_INTERRUPTED"),
            Unreached(what: "RCV_INVALID_DATA", file: "Tests/MachPrograms/both/unreadable.c", words: "MACH_RCV_INVALID_DATA"),
            Unreached(what: "RCV_HEADER_ERROR", file: "Tests/MachTests/ShortageTests.swift", words: "0x1000_400B"),
            Unreached(what: "RCV_BODY_ERROR", file: "Tests/MachPrograms/both/shortage.c", words: "MACH_RCV_BODY_ERROR"),
            Unreached(what: "RCV_INVALID_TRAILER", file: "Tests/MachPrograms/xnu/trailers.c", words: "MACH_RCV_INVALID_TRAILER"),
        ].map { ($0.what, $0) }, uniquingKeysWith: { first, _ in first })

    static let rules: [String: Unreached] = Dictionary(
        [
            // The size of the buffer, which the calls below the C symbols do not know.
            Unreached(what: "S1", file: "Tests/MachPrograms/both/send.c", words: "\"S1: "),
            // Two threads at the same instant: one step here (decision 0016).
            Unreached(what: "V6", file: "Scripts/mach-rules", words: "\"V6\""),
            // Quotas.
            Unreached(what: "V7", file: "Tests/MachPrograms/both/shortage.c", words: "\"V7: "),
            Unreached(what: "V8", file: "Tests/MachPrograms/mach3/notify.c", words: "\"V8: "),
            Unreached(what: "M3", file: "Tests/MachPrograms/both/nodes.c", words: "\"M3: "),
            // Trailers and numbers are the C symbols' too.
            Unreached(what: "1.12", file: "Tests/MachPrograms/xnu/trailers.c", words: "\"1.12: "),
            Unreached(what: "1.13", file: "Tests/MachPrograms/both/unreadable.c", words: "\"1.13: "),
        ].map { ($0.what, $0) }, uniquingKeysWith: { first, _ in first })

    /// The rules that there are (Documentation/Specs/mach.md).
    static let allRules: [String] =
        [("N", 6), ("D", 5), ("S", 8), ("V", 8), ("T", 5), ("O", 3), ("R", 5), ("M", 3)].flatMap { letter, count in
            (1...count).map { "\(letter)\($0)" }
        } + ["1.2", "1.3", "1.5", "1.6", "1.7", "1.11", "1.12", "1.13", "1.14"]
}
