/// The checks. Each takes files and returns what is wrong with them; none knows the disk.
enum Check {
    /// A name says what a thing is; these words say only that it does something.
    static func bannedNames(_ file: SourceFile) -> [Complaint] {
        var complaints: [Complaint] = []
        if isBanned(file.stem) { complaints.append(Complaint(path: file.path, line: 0, what: "name the file after a noun of the design")) }
        guard file.isSwift else { return complaints }
        let declarations: Set<String> = ["struct", "class", "enum", "actor", "protocol", "typealias"]
        for (number, line) in file.code.numbered {
            let parts = words(of: line)
            for (keyword, name) in zip(parts, parts.dropFirst()) where declarations.contains(keyword) && isBanned(name) {
                complaints.append(Complaint(path: file.path, line: number, what: "\(name): name it after a noun of the design"))
            }
        }
        return complaints
    }

    private static func isBanned(_ name: String) -> Bool {
        ["Manager", "Helper", "Helpers", "Util", "Utils", "Utility", "Utilities"].contains { name.hasSuffix($0) }
            || ["Manager+", "Helper+", "Utils+"].contains { name.contains($0) }
    }

    static let linesMax = 900

    static func length(_ file: SourceFile) -> [Complaint] {
        let count = file.lines.count - (file.lines.last == "" ? 1 : 0)
        return count > linesMax ? [Complaint(path: file.path, line: 0, what: "\(count) lines; at most \(linesMax)")] : []
    }

    static func foundation(_ file: SourceFile) -> [Complaint] {
        guard file.isUnder(["Sources"]), !file.isUnder(Exemption.foundation.map(\.path)) else { return [] }
        return imports(of: file) { $0.hasPrefix("Foundation") }.map {
            Complaint(path: file.path, line: $0.line, what: "imports \($0.module), which only the listed modules may")
        }
    }

    static func cLibrary(_ file: SourceFile) -> [Complaint] {
        guard file.isUnder(["Sources"]), !file.isUnder(Exemption.cLibrary.map(\.path)) else { return [] }
        return imports(of: file) { ["Glibc", "SwiftGlibc", "Musl", "Darwin", "Android", "CLinux"].contains($0) }.map {
            Complaint(path: file.path, line: $0.line, what: "imports \($0.module); Sources/Linux is the only door")
        }
    }

    static func unsafe(_ file: SourceFile) -> [Complaint] {
        guard file.isSwift, file.isUnder(["Sources"]), !file.isUnder(Exemption.unsafe.map(\.path)) else { return [] }
        return file.code.numbered.filter { words(of: $0.line).contains("unsafe") }.map {
            Complaint(path: file.path, line: $0.number, what: "unsafe outside the listed modules")
        }
    }

    static func blanks(_ file: SourceFile) -> [Complaint] {
        var complaints: [Complaint] = []
        for (number, line) in file.lines.numbered {
            if line.utf8.contains(UInt8(ascii: "\t")) { complaints.append(Complaint(path: file.path, line: number, what: "tab")) }
            if line.utf8.contains(UInt8(ascii: "\r")) {
                complaints.append(Complaint(path: file.path, line: number, what: "carriage return"))
            }
            if line.last == " " { complaints.append(Complaint(path: file.path, line: number, what: "trailing blank")) }
        }
        if file.lines.last != "" { complaints.append(Complaint(path: file.path, line: file.lines.count, what: "no newline at the end")) }
        return complaints
    }

    static func importDirection(_ file: SourceFile) -> [Complaint] {
        guard file.isSwift, file.isUnder(["Sources"]) else { return [] }
        guard let module = ModuleGraph.modules.first(where: { file.isUnder([$0.folder]) }) else {
            return [Complaint(path: file.path, line: 0, what: "the module graph does not say where this folder stands")]
        }
        return imports(of: file) { imported in
            if ModuleGraph.isOwn(imported) { return !module.own.contains(imported) }
            return module.outside.map { !$0.contains(imported) } ?? false
        }.map { Complaint(path: file.path, line: $0.line, what: "\(module.folder) may not import \($0.module)") }
    }

    /// The kernel is a function of state and event, and security one of bytes and decisions: no clock, no chance, no lock, no print.
    static func purity(_ file: SourceFile) -> [Complaint] {
        guard file.isSwift, file.isUnder(["Sources/Kernel", "Sources/Wire", "Sources/Secure"]) else { return [] }
        let banned: Set<String> = [
            "ContinuousClock", "SuspendingClock", "SystemRandomNumberGenerator", "Mutex", "Atomic", "print", "randomElement", "async",
            "await",
        ]
        return file.code.numbered.flatMap { number, line in
            words(of: line).filter(banned.contains).map {
                Complaint(path: file.path, line: number, what: "\($0) in a pure module")
            }
        }
    }

    /// `make help` reads what stands behind the `##` of a target, so a target without it is a chore that nobody finds.
    static func chores(_ makefile: SourceFile, required: Set<String>) -> [Complaint] {
        var missing = required
        var complaints: [Complaint] = []
        for (number, line) in makefile.lines.numbered {
            let name = String(line.prefix { $0.isLowercase || $0 == "-" })
            guard !name.isEmpty, line.dropFirst(name.count).first == ":" else { continue }
            missing.remove(name)
            if !line.contains(": ## ") {
                complaints.append(Complaint(path: makefile.path, line: number, what: "\(name) is not in `make help`"))
            }
        }
        return complaints + missing.sorted().map { Complaint(path: makefile.path, line: 0, what: "no chore \($0)") }
    }

    private static func imports(of file: SourceFile, where isMeant: (String) -> Bool) -> [(line: Int, module: String)] {
        guard file.isSwift else { return [] }
        return file.code.numbered.compactMap { number, line in
            guard let module = importedModule(line), isMeant(module) else { return nil }
            return (number, module)
        }
    }
}

extension [String] {
    /// The lines with their numbers, counted from 1.
    var numbered: [(number: Int, line: String)] {
        enumerated().map { ($0.offset + 1, $0.element) }
    }
}
