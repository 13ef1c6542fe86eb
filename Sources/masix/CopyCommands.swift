import ArgumentParser
import Masix
import MasixLinux
import MasixProtocols
import SystemPackage

/// A place at a file server: `NAME:PATH`, as in `files:/share/words`.
struct ServedPlace: ExpressibleByArgument {
    let name: String
    let path: TreePath

    init?(argument: String) {
        guard let colon = argument.firstIndex(of: ":"), colon != argument.startIndex else { return nil }
        guard let path = TreePath(String(argument[argument.index(after: colon)...])) else { return nil }
        name = String(argument[..<colon])
        self.path = path
    }

    static let help = ArgumentHelp("A place at a file server, such as files:/share.", valueName: "name:path")

    func server(_ space: Space) throws -> Files { try Files.lookUp(name, in: space) }
}

/// `masix ls`
struct LsCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "List what a file server serves.")

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @Flag(name: [.customShort("l"), .customLong("long")], help: "Modes, owners, sizes and times too.")
    var isLong = false
    @Flag(name: [.customShort("r"), .customLong("recursive")], help: "Everything below, too.")
    var isRecursive = false
    @Argument(help: ServedPlace.help)
    var place: ServedPlace

    func perform() throws {
        let space = try node.attach()
        let files = try place.server(space)
        var table = TextTable([("MODE", .left), ("UID", .right), ("GID", .right), ("SIZE", .right), ("MODIFIED", .left), ("NAME", .left)])
        let info = try files.status(place.path)
        if info.kind != .directory {
            try show(place.path.description, info, &table)
        } else if isRecursive {
            var all: [(String, FileInfo)] = []
            let prefix = place.path.isRoot ? 0 : place.path.description.count + 1
            try files.walk(place.path) { path, info in all.append((String(path.description.dropFirst(prefix)), info)) }
            for (name, info) in all.sorted(by: { $0.0 < $1.0 }) { try show(name, info, &table) }
        } else {
            for entry in try files.list(place.path) { try show(entry.name.description, entry.info, &table) }
        }
        if isLong && !json.isOn { try Output.write(table.text) }
    }

    private func show(_ name: String, _ info: FileInfo, _ table: inout TextTable) throws {
        if json.isOn {
            return try Output.line(
                JSON.object([
                    ("name", JSON(name)), ("kind", JSON("\(info.kind)")), ("size", JSON(info.size)), ("mode", JSON(info.mode)),
                    ("uid", JSON(info.uid)), ("gid", JSON(info.gid)), ("modified_seconds", JSON(info.modifiedSeconds)),
                    ("modified_nanoseconds", JSON(info.modifiedNanoseconds)),
                    ("link_target", info.kind == .link ? JSON(info.linkTarget) : .null),
                ]).text)
        }
        let shown = TextTable.printable(name) + (info.kind == .directory ? "/" : "")
        guard isLong else { return try Output.line(info.kind == .link ? shown + "@" : shown) }
        table.add([
            info.letters, String(info.uid), String(info.gid), String(info.size), CalendarTime(info.modifiedSeconds).description,
            info.kind == .link ? "\(shown) -> \(info.linkTarget)" : shown,
        ])
    }
}

extension FileInfo {
    /// As ls shows it: "-rw-r--r--".
    var letters: String {
        let first =
            switch kind {
            case .regular: "-"
            case .directory: "d"
            case .link: "l"
            case .pipe: "p"
            case .socket: "s"
            case .characterDevice: "c"
            case .blockDevice: "b"
            case .unknown: "?"
            }
        var letters = Array("rwxrwxrwx").enumerated().map { mode >> UInt32(8 - $0.offset) & 1 == 1 ? $0.element : "-" }
        for (bit, place, letter) in [(11, 2, "s"), (10, 5, "s"), (9, 8, "t")] where mode >> UInt32(bit) & 1 == 1 {
            letters[place] = Character(letters[place] == "x" ? letter : letter.uppercased())
        }
        return first + String(letters)
    }
}

/// A time in UTC, for people.
struct CalendarTime: CustomStringConvertible {
    let description: String

    /// Seconds since 1970. The calendar by days from 0000-03-01, where years end with the day that is sometimes missing.
    init(_ seconds: Int64) {
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let time = seconds - days * 86_400
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        description = "\(year)-\(two(month))-\(two(day)) \(two(time / 3600)):\(two(time % 3600 / 60))"
    }
}

/// How a tree is copied, on the command line.
struct CopyFlags: ParsableArguments {
    @Flag(name: [.customShort("r"), .customLong("recursive")], help: "Copy a directory with everything below it.")
    var isRecursive = false
    @Flag(name: .customLong("verify"), help: "Read everything back and compare every byte.")
    var verifies = false
    @Flag(name: .customLong("quiet"), help: "No progress bar and no summary.")
    var isQuiet = false
    @Flag(
        name: .customLong("progress"),
        help: "The progress bar with --json too; a line of it each second where standard error is no terminal.")
    var wantsProgress = false
    @Option(name: .customLong("threads"), help: ArgumentHelp("Threads that copy.", valueName: "n"))
    var threads = CopyOptions().threads

    func validate() throws {
        guard (1...64).contains(threads) else { throw ValidationError("--threads must be from 1 to 64") }
        guard !isQuiet || !wantsProgress else { throw ValidationError("--quiet and --progress exclude each other") }
    }

    var options: CopyOptions {
        var options = CopyOptions()
        options.threads = threads
        options.verifies = verifies
        return options
    }
}

/// `masix get`
struct GetCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "Copy from a file server.",
        discussion:
            "TARGET is the new file or directory (an existing directory is filled); with - a file's content goes to standard output.")

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @OptionGroup var flags: CopyFlags
    @Flag(
        name: .customLong("batch"),
        help: "The quick way for small files: their contents come many at a time, and no ports are opened for them.")
    var isBatch = false
    @Argument(help: ServedPlace.help)
    var source: ServedPlace
    @Argument(help: ArgumentHelp("A local path.", valueName: "target"))
    var target: String

    func perform() throws {
        let space = try node.attach()
        let files = try source.server(space)
        if target == "-" { return try printContent(files) }
        var options = flags.options
        options.opensEveryFile = !isBatch
        let summary = try CopySummary.running(flags, json) { progress in
            if flags.isRecursive {
                try files.copyTree(source.path, to: target, options: options, progress: progress)
            } else {
                try files.copyFile(source.path, to: try localFile(), options: options, progress: progress)
            }
        }
        try summary.report()
    }

    /// A file goes into a directory under its own name.
    private func localFile() throws -> String {
        guard let status = try? File.status(target), status.kind == .directory else { return target }
        return target + "/" + source.path.name
    }

    private func printContent(_ files: Files) throws {
        let file = try files.open(source.path)
        var offset = 0
        while true {
            let bytes = try file.read(at: offset, count: 1 << 20)
            if bytes.isEmpty { return }
            try Output.write(bytes, to: 1)
            offset += bytes.count
        }
    }
}

/// `masix put`
struct PutCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "put", abstract: "Copy to a file server that serves read-write.",
        discussion: "SOURCE - reads standard input. The target names the new file or directory; a file put to a directory goes into it.")

    @OptionGroup var node: NodeOptions
    @OptionGroup var json: JSONOption
    @OptionGroup var flags: CopyFlags
    @Argument(help: ArgumentHelp("A local path, or -.", valueName: "source"))
    var source: String
    @Argument(help: ServedPlace.help)
    var target: ServedPlace

    func perform() throws {
        let space = try node.attach()
        let files = try target.server(space)
        let summary = try CopySummary.running(flags, json) { progress in
            if source == "-" {
                try files.storeStream(0, to: target.path, progress: progress)
            } else if flags.isRecursive {
                try files.storeTree(source, to: target.path, options: flags.options, progress: progress)
            } else {
                try files.storeFile(source, to: try remoteFile(files), options: flags.options, progress: progress)
            }
        }
        try summary.report()
    }

    private func remoteFile(_ files: Files) throws -> TreePath {
        do throws(FilesError) {
            if try files.status(target.path).kind != .directory { return target.path }
        } catch {
            if case .refused(let failure, _) = error, failure.reason == .notFound { return target.path }
            throw error
        }
        guard let name = FileName(source.split(separator: "/").last.map(String.init) ?? "") else { throw FilesError.unusablePath(source) }
        return target.path.appending(name)
    }
}

/// What a copy did, told at its end; and the bar meanwhile.
struct CopySummary {
    let progress: CopyProgress
    let nanoseconds: UInt64
    let flags: CopyFlags
    let json: JSONOption

    static func running(_ flags: CopyFlags, _ json: JSONOption, _ body: (CopyProgress) throws -> Void) throws -> CopySummary {
        let progress = CopyProgress()
        let isTerminal = Terminal.isTerminal(2)
        let isShown = flags.wantsProgress || !(flags.isQuiet || json.isOn || !isTerminal)
        let bar = isShown ? try ProgressBar(progress, isTerminal: isTerminal) : nil
        let start = Clock.monotonicNanoseconds()
        do {
            try body(progress)
        } catch {
            bar?.stop()
            throw error
        }
        bar?.stop()
        return CopySummary(progress: progress, nanoseconds: Clock.monotonicNanoseconds() - start, flags: flags, json: json)
    }

    func report() throws {
        let seconds = Double(max(1, nanoseconds)) / 1e9
        for place in progress.skipped { Output.remark("masix: \(place): neither file, directory nor link: not copied") }
        if json.isOn {
            return try Output.line(
                JSON.object([
                    ("files", JSON(progress.files)), ("directories", JSON(progress.directories)), ("links", JSON(progress.links)),
                    ("bytes", JSON(progress.bytes)), ("ports", JSON(progress.ports)), ("skipped", JSON(progress.skipped.count)),
                    ("seconds", JSON(seconds)), ("mb_per_s", JSON(Double(progress.bytes) / 1e6 / seconds)),
                    ("verified", JSON(flags.verifies)),
                ]).text)
        }
        guard !flags.isQuiet else { return }
        let rate = Figure.bytes(Int(Double(progress.bytes) / seconds))
        let also = [
            progress.directories > 0 ? "\(progress.directories) directories" : "", progress.links > 0 ? "\(progress.links) links" : "",
        ].filter { !$0.isEmpty }.map { ", \($0)" }.joined()
        try Output.line(
            "\(progress.files) files\(also), \(Figure.bytes(progress.bytes)) in \(Figure.decimals(seconds, 2)) s, \(rate)/s\(flags.verifies ? ", every byte compared" : "")"
        )
    }
}
