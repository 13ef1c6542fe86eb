import Foundation
import Masix
import MasixLinux
import MasixProtocols
import MasixTestKit
import MasixWire
import SystemPackage
import Testing

extension Nodes {
    /// `masix shell`: a terminal over ports, on this node and on another.
    @Suite struct Shells {
        private static var uid: UInt32 { CurrentProcess.uid }

        private static func permit(_ lines: String..., on node: NodeProcess) throws {
            let text = lines.map { $0 + "\n" }.joined()
            let path = node.directory + "/" + ShellProtocol.permitsFileName
            try File.open(path, [.write, .create, .truncate], mode: 0o644).writeAll(Array(text.utf8))
        }

        /// Two nodes, and b gives shells to the user of this test on both.
        private static func play(_ body: @escaping @Sendable (NodeProcessPair) throws -> Void) async throws {
            try await NodeProcessPair.play(shellOnB: true) { pair in
                try permit("permit a/\(uid)", "permit here/\(uid)", on: pair.b)
                guard try eventually({ try pair.a.shell("masix shell b -- true").code == 0 }) else {
                    throw NodeProcess.Failure(words: "no shell: \(try pair.a.shell("masix shell b -- true"))")
                }
                try body(pair)
            }
        }

        /// The state of the terminal before and after, and the exit code in between.
        private static let watched = "stty -g; %; code=$?; stty -g; echo code $code; exit $code"

        private static func start(_ command: String, on node: NodeProcess) throws -> TypedShell {
            try TypedShell(watched.replacingOccurrences(of: "%", with: command), on: node)
        }

        /// Its exit code; the terminal must be as it was.
        private static func end(_ shell: TypedShell, line: Int = #line) throws -> Int32 {
            let code = try shell.wait()
            _ = eventually { shell.output.contains("code ") }
            let states = shell.output.split(whereSeparator: \.isWhitespace).filter { $0.split(separator: ":").count > 30 }
            #expect(states.count == 2 && states.first == states.last, "line \(line): \(shell.output)")
            return code
        }

        @Test func aShellIsWhatATerminalWouldBe() async throws {
            try await Self.play { pair in
                for (node, command) in [(pair.a, "masix shell b"), (pair.b, "masix shell"), (pair.b, "masix shell b")] {
                    let shell = try Self.start(command, on: node)
                    try shell.type("echo is $((6 * 7)); tty; echo $TERM; stty size; echo node $MASIX_NODE.\n")
                    try shell.expect("is 42")
                    try shell.expect("/dev/pts/")
                    try shell.expect("vt100")
                    try shell.expect("24 80")
                    try shell.expect("node \(pair.b.directory).")
                    // The window changes, and the shell's terminal with it.
                    try shell.type("trap 'echo now $(stty size)' WINCH; echo rea''dy\n")
                    try shell.expect("ready")
                    try shell.resize(columns: 100, rows: 31)
                    // The news does not wait behind what is typed; a trap is looked at after a command.
                    let isResized = try eventually {
                        try shell.type(":\n")
                        return shell.output.contains("now 31 100")
                    }
                    #expect(isResized, "\(shell.output)")
                    // Keys that would be signals here go there.
                    try shell.type("sleep 1000\n")
                    usleep(200_000)
                    try shell.type("\u{3}")
                    try shell.type("echo still $((1 + 1))\n")
                    try shell.expect("still 2")
                    try shell.type("exit 7\n")
                    #expect(try Self.end(shell) == 7)
                }
            }
        }

        @Test func aCommandHasItsBytesAndItsExitCode() async throws {
            try await Self.play { pair in
                for node in [pair.a, pair.b] {
                    let upper = try node.shell("echo hello | masix shell b -- tr a-z A-Z")
                    #expect(upper.code == 0 && upper.output == "HELLO\n", "\(upper)")
                    #expect(try node.shell("masix shell b -- sh -c 'exit 9' < /dev/null").code == 9)
                    #expect(try node.shell("masix shell b -- sh -c 'kill -TERM $$' < /dev/null").code == 143)
                    #expect(try node.shell("masix shell b -- no-such-program < /dev/null").code == 127)
                    let words = try node.shell("masix shell b -- printf '%s|' \"it's\" 'a  b' '$HOME' < /dev/null")
                    #expect(words.output == "it's|a  b|$HOME|", "\(words)")
                    // More than all queues hold, both ways.
                    let place = try node.scratch()
                    let many = try node.shell("cd \(place); head -c 5000000 /dev/urandom > in; masix shell b -- cat < in | cmp - in")
                    #expect(many.code == 0, "\(many)")
                    let terminal = try node.shell("echo 'stty -echo; tty; exit 3' | masix shell -t b")
                    #expect(terminal.code == 3 && terminal.output.contains("/dev/pts/"), "\(terminal)")
                    // The end of the input ends a shell on a terminal too.
                    let ended = try node.shell("printf 'echo at $((40 + 2))\\n' | masix shell -t b", seconds: 20)
                    #expect(ended.code == 0 && ended.output.contains("at 42"), "\(ended)")
                    // What stays in the background does not hold up the end.
                    let background = try node.shell("echo 'sleep 30 & exit 4' | masix shell -t b", seconds: 15)
                    #expect(background.code == 4, "\(background)")
                }
            }
        }

        @Test func nothingIsLeftOfASession() async throws {
            try await NodeProcessPair.play(shellOnB: true) { pair in
                try Self.permit("permit a/\(Self.uid)", on: pair.b)
                #expect(try eventually { try pair.b.shell("masix names --json").output.contains("shell.b") })
                #expect(try eventually { try pair.a.shell("masix node peers --json").objects().first?["up"] as? Bool == true })
                let starts = try [pair.a, pair.b].map { try $0.settledCounts() }
                #expect(try pair.a.shell("masix shell b -- true").code == 0)
                #expect(try pair.a.shell("echo exit | masix shell -t b").code == 0)
                let killed = try pair.a.start("exec masix shell -t b < <(tail --pid=$$ -f /dev/null)")
                #expect(eventually { !killed.output.isEmpty }, "\(killed.errors)")
                try killed.end(Signal.kill)
                // A name of another node is let go five seconds after its last use, a spare port after one.
                #expect(try eventually(seconds: 15) { try pair.a.counts() == starts[0] && pair.b.counts() == starts[1] })
                #expect(try pair.a.counts() == starts[0])
                #expect(try pair.b.counts() == starts[1])
            }
        }

        @Test func whoIsNotPermittedIsTold() async throws {
            try await NodeProcessPair.play(shellOnB: true) { pair in
                #expect(try eventually { try pair.b.shell("masix names --json").output.contains("shell.b") })
                func refused(_ words: String, line: Int = #line) throws {
                    let outcome = try pair.a.shell("masix shell b -- id < /dev/null")
                    #expect(outcome.code == 125 && outcome.errors.contains(words), "line \(line): \(outcome)")
                }
                // The file that init has made permits nobody.
                let isRefused = try eventually {
                    try pair.a.shell("masix shell b -- id < /dev/null").errors.contains("a/\(Self.uid) is not permitted")
                }
                #expect(isRefused)
                try refused("a/\(Self.uid) is not permitted")
                try Self.permit("permit a/\(Self.uid + 1)", "permit here/\(Self.uid)", on: pair.b)
                try refused("not permitted")
                try Self.permit("permit a/\(Self.uid) by /usr/bin/other", on: pair.b)
                try refused("not permitted")
                try Self.permit("permit a/\(Self.uid) as 4000000000", on: pair.b)
                try refused("cannot become another")
                try Self.permit("permit a/\(Self.uid)", "nonsense", on: pair.b)
                try refused("cannot be read there")
                try Self.permit("permit a/\(Self.uid)", on: pair.b)
                let path = pair.b.directory + "/" + ShellProtocol.permitsFileName
                try File.changeMode(path, to: 0o666)
                try refused("cannot be read there")
                try File.changeMode(path, to: 0o644)
                let permitted = try pair.a.shell("masix shell b -- id -u < /dev/null")
                #expect(permitted.code == 0, "\(permitted)")
                // The shell is the server's user, whoever asked.
                #expect(permitted.output == "\(try pair.b.role("shell").uid)\n", "\(permitted)")
                #expect(pair.b.log.contains("refused") && pair.b.log.contains("a shell"))
                // Nodes that give none, or are not there.
                let none = try pair.a.shell("masix shell < /dev/null")
                #expect(none.code == 125 && none.errors.contains("gives no shells"), "\(none)")
                let unknown = try pair.a.shell("masix shell bb < /dev/null")
                #expect(unknown.code == 125 && unknown.errors.contains("did you mean 'b'"), "\(unknown)")
            }
        }

        /// Which programs other users run a node sees only if it is not kept from it, as one that root has started is.
        @Test(.enabled(if: CurrentProcess.uid != 0)) func theProgramMayBeAskedFor() async throws {
            try await Self.play { pair in
                try Self.permit("permit a/\(Self.uid) by \(NodeProcessPair.masix)", on: pair.b)
                #expect(try pair.a.shell("masix shell b -- true").code == 0)
                try Self.permit("permit a/\(Self.uid) by /usr/bin/env", on: pair.b)
                #expect(try pair.a.shell("masix shell b -- true").code == 125)
            }
        }

        @Test(.enabled(if: CurrentProcess.uid == 0)) func aServerOfRootBecomesWhomTheLineSays() async throws {
            try await onThread {
                let directory = try NodeProcessPair.make("b", number: 2, "--shell")
                let path = directory + "/servers.json"
                let servers = String(decoding: try File.contents(of: path, max: 65_536), as: UTF8.self)
                let asRoot = servers.replacingOccurrences(of: "\"name\": \"shell\"", with: "\"name\": \"shell\", \"uid\": 0")
                    .replacingOccurrences(of: "\"name\":\"shell\"", with: "\"name\":\"shell\",\"uid\":0")
                try File.open(path, [.write, .truncate]).writeAll(Array(asRoot.utf8))
                let node = try NodeProcess(in: directory)
                defer { do { try node.stopIfItRuns() } catch { Issue.record("\(error)") } }
                #expect(try eventually { try node.shell("masix names --json").output.contains("shell.b") })
                #expect(try node.role("shell").uid == 0)
                func ask(_ flags: String = "", as uid: UInt32 = 0) throws -> String {
                    let words =
                        ["shell", "--node", directory] + (flags.isEmpty ? [] : [flags]) + [
                            "--", "sh", "-c", "id -u; id -G; tty; ls -ln $(tty)",
                        ]
                    return try outcome(NodeProcessPair.masix, words, uid: uid).0
                }
                // Not even root itself, without a line; nor by a line that does not say so.
                #expect(try ask().contains("here/0 is not permitted"))
                try Self.permit("permit here/0", "permit here/3456 as 3456", on: node)
                #expect(try ask().contains("does not say as whom"))
                #expect(try ask(as: 1234).contains("here/1234 is not permitted"))
                #expect(try ask(as: 3456).hasPrefix("3456\n3456\n"))
                // The terminal is the user's, and nobody else's.
                let typed = try ask("-t", as: 3456)
                #expect(typed.contains("3456") && typed.contains("/dev/pts/") && typed.contains("crw"), "\(typed)")
                #expect(typed.split(whereSeparator: \.isNewline).contains { $0.hasPrefix("crw") && $0.contains(" 3456 ") }, "\(typed)")
                try Self.permit("permit here/0 as 0", on: node)
                #expect(try ask().hasPrefix("0\n"))
            }
        }

        @Test func whoOnlyCallsItselfTheShellHearsNothing() async throws {
            try await NodeProcessPair.play { pair in
                let impostor = try pair.a.serve("exec masix serve shell.b -- tee \(pair.a.directory)/heard", name: "shell.b")
                let local = try pair.a.shell("echo secret | masix shell b")
                // `masix serve` does not even know how a shell is asked for.
                #expect(local.code == 125 && !local.errors.isEmpty, "\(local)")
                try impostor.end()
                // One that does answer.
                let space = try pair.a.attach()
                let port = try space.names.register("shell.b")
                let answering = try Answering(port, space)
                let outcome = try pair.a.shell("echo secret | masix shell b")
                #expect(outcome.code == 125 && outcome.errors.contains("is not the shell server of node 'b'"), "\(outcome)")
                #expect(try answering.heard() == 0)
            }
        }

        /// Answers as a shell server would, and counts what it is then told.
        private final class Answering: Sendable {
            private let port: ReceiveRight
            private let data: ReceiveRight

            init(_ port: consuming ReceiveRight, _ space: Space) throws {
                self.port = port
                data = try space.makePort()
                try DetachedThread.start("impostor") { [self] in
                    do throws(MasixError) { try answer() } catch { Issue.record("\(error)") }
                }
            }

            private func answer() throws(MasixError) {
                var message = try port.receive(timeout: .seconds(20))
                var answer = Message(code: StreamProtocol.openingCode, bytes: StreamOpened.accepted(pid: 1).wireBytes)
                for _ in 0..<2 { answer.attach(try data.makeSendRight()) }
                try message.takeReply()?.send(answer)
            }

            func heard() throws -> Int {
                var count = 0
                while try data.tryReceive() != nil { count += 1 }
                return count
            }
        }

        @Test func eitherSideMayDie() async throws {
            try await Self.play { pair in
                // The client: its shell is hung up.
                let place = "/tmp/masix-shell-test-\(CurrentProcess.pid)-\(try RandomBytes.uint64())"
                defer { try? File.unlink(place) }
                let script = "trap 'echo hung up > \(place); exit' HUP; echo rea''dy; while :; do sleep 0.05; done"
                for (flags, input, number) in [
                    ("-t", "<(tail --pid=$$ -f /dev/null)", Signal.kill), ("", "/dev/zero", Signal.kill),
                    ("-t", "<(tail --pid=$$ -f /dev/null)", Signal.hangUp),
                ] {
                    let client = try pair.a.start("exec masix shell \(flags) b -- sh -c \"\(script)\" < \(input)")
                    #expect(eventually { client.output.contains("ready") }, "\(client.output) \(client.errors)")
                    try client.signal(number)
                    let isHungUp = eventually { (try? File.contents(of: place, max: 100)) == Array("hung up\n".utf8) }
                    #expect(isHungUp, "\(flags) \(number)")
                    _ = try client.wait()
                    try? File.unlink(place)
                }
                // A signal to the client at a terminal: the terminal is as it was.
                let signalled = try Self.start("masix shell b", on: pair.a)
                try signalled.type("echo rea''dy\n")
                try signalled.expect("ready")
                let child = try #require(try Self.child(of: signalled.pid))
                try ProcessDescriptor.open(pid: child).sendSignal(Signal.terminate)
                #expect(try Self.end(signalled) == 143)

                // The shell server, then the network server: an error, and the terminal is as it was.
                for role in ["shell", "network"] {
                    #expect(try eventually { try pair.a.shell("masix shell b -- true").code == 0 })
                    let typed = try Self.start("masix shell b", on: pair.a)
                    try typed.type("echo rea''dy\n")
                    try typed.expect("ready")
                    _ = try pair.b.kill(role)
                    #expect(try Self.end(typed) == 125)
                    try typed.expect("died")
                }
                // The node as a whole, with a shell of its own.
                #expect(try eventually { try pair.b.shell("masix shell -- true").code == 0 })
                let typed = try Self.start("masix shell", on: pair.b)
                try typed.type("echo rea''dy\n")
                try typed.expect("ready")
                try pair.b.signal(Signal.kill)
                #expect(try Self.end(typed) == 125)
                _ = try pair.b.end()
            }
        }

        /// The process that runs under a shell that waits for it.
        private static func child(of pid: Int32) throws -> Int32? {
            let text = String(decoding: try File.contents(of: "/proc/\(pid)/task/\(pid)/children", max: 4096), as: UTF8.self)
            return text.split(separator: " ").first.flatMap { Int32($0) }
        }
    }
}
