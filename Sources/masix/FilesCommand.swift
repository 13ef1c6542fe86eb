import ArgumentParser
import Logging
import Masix
import MasixFileServer
import MasixLinux
import MasixProtocols
import SystemPackage

/// `masix files`
struct FilesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "files", abstract: "Serve files.", subcommands: [FilesServeCommand.self])
}

/// `masix files serve`
struct FilesServeCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serve a directory tree until ended.",
        discussion: """
            Whoever can look the name up can read (with --read-write: change) what this process may. Nothing outside the tree is reachable, \
            whatever symbolic links say. Each open file is a port; closing it is dropping the right to it.
            """)

    @OptionGroup var node: NodeOptions
    @Option(name: .customLong("name"), help: ArgumentHelp("The name to register.", valueName: "name"))
    var name = "files"
    @Flag(name: .customLong("read-write"), help: "Allow writing.")
    var isWritable = false
    // One receives and handles rights, the others read and write.
    @Option(name: .customLong("threads"), help: ArgumentHelp("Threads that serve.", valueName: "n"))
    var threads = min(64, Processor.count + 1)
    @Option(name: .customLong("open-files"), help: ArgumentHelp("Files that one client task may have open.", valueName: "n"))
    var openFiles = FileServer.openFilesPerTaskDefault
    @Argument(help: ArgumentHelp("The directory.", valueName: "dir"))
    var directory: String

    func validate() throws {
        guard (1...64).contains(threads) else { throw ValidationError("--threads must be from 1 to 64") }
        guard (1...100_000).contains(openFiles) else { throw ValidationError("--open-files must be from 1 to 100000") }
    }

    func perform() throws {
        let signals = try EndingSignals()
        LoggingSystem.bootstrap { StandardErrorLog(label: $0) }
        let tree: FileTree
        do throws(Errno) {
            let features = Features.detect(environment: CurrentProcess.environmentTable)
            tree = try FileTree(path: directory, isWritable: isWritable, features: features)
            _ = try LimitsOfProcess.raiseDescriptors(to: 65_536)
        } catch {
            throw Complaint(error, directory)
        }
        let space = try node.attach()
        let server = try FileServer(tree: tree, in: space, openFilesPerTask: openFiles)
        try space.names.register(name, try server.makeSendRight(), timeout: .seconds(10))
        Output.remark("masix: \(name) serves \(directory) \(isWritable ? "read-write" : "read-only")")
        try signals.onFirst { _ in
            do throws(MasixError) { try server.stop() } catch { Output.remark("masix: \(error)") }
        }
        try server.serve(threads: threads)
    }
}

/// What servers log: warnings and worse, on standard error.
struct StandardErrorLog: LogHandler {
    let label: String
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .warning

    init(label: String) { self.label = label }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let details = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        Output.remark(TextTable.printable("\(label): \(event.level): \(event.message) \(details.joined(separator: " "))"))
    }
}

/// Signals that ask a program to end. Made before the first thread, so that no thread dies of them.
final class EndingSignals: Sendable {
    private let signals: SignalDescriptor

    init(_ numbers: SignalSet = [Signal.interrupt, Signal.terminate, Signal.hangUp]) throws {
        do throws(Errno) { signals = try SignalDescriptor(numbers) } catch { throw Complaint("signals: \(error)", .internalFault) }
    }

    /// Calls `body` with each signal that comes, on a thread of its own.
    func onEach(_ body: @escaping @Sendable (Int32) -> Void) throws {
        do throws(Errno) {
            try DetachedThread.start("signals") { [self] in
                do throws(Errno) {
                    while true {
                        _ = try Ready.poll(signals.raw, for: .readable, timeoutNanoseconds: nil)
                        if let number = try signals.next() { body(number) }
                    }
                } catch {
                    Output.remark("masix: signals: \(error)")
                }
            }
        } catch {
            throw Complaint("signals: \(error)", .internalFault)
        }
    }

    /// Calls `body` with the first signal; the second ends the process.
    func onFirst(_ body: @escaping @Sendable (Int32) -> Void) throws {
        let count = SignalCount()
        try onEach { number in
            if count.next() == 1 { body(number) } else { FilesServeCommand.exit(withError: ExitCode(128 + number)) }
        }
    }
}

extension CurrentProcess {
    static var environmentTable: [String: String] {
        Dictionary(
            environment.compactMap { entry in
                entry.firstIndex(of: "=").map { (String(entry[..<$0]), String(entry[entry.index(after: $0)...])) }
            }, uniquingKeysWith: { first, _ in first })
    }
}
