import Masix
import MasixLinux
import MasixProtocols
import MasixWire
import SystemPackage
import Testing

extension Nodes {
    /// `masix files serve`, `ls`, `get`, `put`, with a real node and real processes.
    @Suite struct CommandFiles {
        /// A tree with what trees have: sizes around every limit, modes, links, odd names.
        private static let makeTree = """
            mkdir -p tree/deep/er tree/empty 'tree/with blank'
            printf hello > tree/hello; printf '' > tree/none
            head -c 63999 /dev/urandom > tree/a; head -c 64000 /dev/urandom > tree/b; head -c 262144 /dev/urandom > tree/c; head -c 64001 /dev/urandom > tree/deep/d
            head -c 9000001 /dev/urandom > tree/deep/large; head -c 4194304 /dev/urandom > tree/deep/er/piece
            for i in $(seq 300); do echo $i > tree/deep/er/small-$i; done
            printf x > 'tree/with blank/äöü'; chmod 751 tree/hello; chmod 700 tree/empty
            ln -s hello tree/link; ln -s /etc/passwd tree/out; ln -s .. tree/deep/up; mkfifo tree/pipe
            touch -d '2001-02-03 04:05:06.789' tree/a; touch -d '1999-01-01' tree/deep
            """

        @Test func aTreeComesWholeAndGoesBack() throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                #expect(try node.shell("cd \(place); \(Self.makeTree)").code == 0)
                let server = try node.serve("cd \(place); exec masix files serve tree --name files", name: "files")
                let got = try node.shell("cd \(place); masix get -r --batch files: copy --json")
                #expect(got.code == 0, "\(got)")
                let numbers = try #require(try got.objects().first)
                #expect(numbers["files"] as? Int == 309)
                #expect(numbers["links"] as? Int == 3)
                #expect(numbers["directories"] as? Int == 4)
                #expect(numbers["ports"] as? Int == 2)
                #expect(numbers["skipped"] as? Int == 1)
                #expect(got.errors.contains("pipe: neither file, directory nor link"))
                // Contents, kinds, modes and times.
                let list = "find . -type p -o -printf '%p %y %m %l ' \\( -type d -printf '\\n' -o -printf '%s %T@\\n' \\) | sort"
                let same = try node.shell(
                    "cd \(place); diff -r --no-dereference -x pipe tree copy && diff <(cd tree; \(list)) <(cd copy; \(list)) && stat -c %Y tree/deep copy/deep | uniq | wc -l"
                )
                #expect(same.code == 0 && same.output == "1\n", "\(same)")
                // Again over itself, by one thread, all as ports, compared.
                let again = try node.shell("cd \(place); masix get -r --verify --threads 1 files:/ copy --json")
                #expect(try again.objects().first?["ports"] as? Int == 309, "\(again)")
                #expect(try node.shell("cd \(place); diff -r --no-dereference -x pipe tree copy").code == 0)
                let ended = try server.end()
                #expect(ended.code == 0, "\(ended)")

                let writer = try node.serve(
                    "cd \(place); mkdir back; exec masix files serve back --name back --read-write", name: "back")
                let put = try node.shell("cd \(place); masix put -r --verify copy back:one/ --json")
                #expect(put.code == 0, "\(put)")
                #expect(try node.shell("cd \(place); diff -r --no-dereference copy back/one").code == 0)
                #expect(
                    try node.shell("cd \(place); stat -c '%a %Y' tree/hello tree/a; stat -c '%a %Y' back/one/hello back/one/a").code == 0)
                #expect(try node.shell("cd \(place); printf more | masix put --quiet - back:more && cat back/more").output == "more")
                #expect(
                    try node.shell("cd \(place); masix put --quiet copy/hello back:one && masix get back:one/hello -").output == "hello")
                try writer.end()
            }
        }

        @Test func listsShowWhatIsThere() throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                #expect(try node.shell("cd \(place); \(Self.makeTree)").code == 0)
                let server = try node.serve("exec masix files serve \(place)/tree", name: "files")
                #expect(
                    try node.shell("masix ls files:").lines
                        == ["a", "b", "c", "deep/", "empty/", "hello", "link@", "none", "out@", "pipe", "with blank/"])
                let long = try node.shell("masix ls -l files:/")
                #expect(long.lines.contains { $0.hasPrefix("-rwxr-x--x") && $0.hasSuffix("hello") }, "\(long)")
                #expect(long.lines.contains { $0.hasPrefix("lrwxrwxrwx") && $0.hasSuffix("link -> hello") }, "\(long)")
                #expect(long.lines.contains { $0.contains("2001-02-03 0") && $0.hasSuffix(" a") }, "\(long)")
                #expect(try node.shell("masix ls -r files:deep").lines.count == 305)
                let one = try #require(try node.shell("masix ls --json files:hello").objects().first)
                #expect(one["size"] as? Int == 5 && one["mode"] as? Int == 0o751 && one["kind"] as? String == "regular")
                try server.end()
            }
        }

        /// Exit code, and a piece of what is said.
        @Test(arguments: [
            ("masix ls fils:", 66, "did you mean 'files'?"), ("masix ls files:nothing", 66, "nothing: no such file"),
            ("masix get files:nothing -", 66, "no such file"), ("masix get files:out -", 77, "leads out of the tree"),
            ("masix get files:deep/up/hello -", 0, ""), ("masix get files:deep -", 65, "a directory"),
            ("masix get files:pipe -", 65, "neither a file nor a directory"), ("masix get files:deep /tmp/nowhere", 65, "a directory"),
            ("masix get files:hello /nowhere/at/all", 66, "/nowhere/at/"), ("masix put /etc/hostname files:x", 77, "read-only"),
            ("masix put /nowhere files:x", 66, "/nowhere"), ("masix ls files", 64, "name:path"),
            ("masix ls files:/../etc", 64, "name:path"),
            ("masix ls supervisor:", 65, "did not answer what a file server answers"), ("masix get --threads 0 files: x", 64, "--threads"),
            ("masix files serve /nowhere", 66, "/nowhere"), ("masix files serve /etc/hostname", 73, "/etc/hostname"),
            ("masix files serve / --name files", 73, "taken"), ("masix files serve / --name 'a b'", 65, "no name"),
        ])
        func whatIsWrongIsSaid(script: String, code: Int32, words: String) throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                #expect(try node.shell("cd \(place); \(Self.makeTree)").code == 0)
                let server = try node.serve("exec masix files serve \(place)/tree", name: "files")
                let outcome = try node.shell(script, seconds: 20)
                #expect(outcome.code == code, "\(script): \(outcome)")
                #expect(words.isEmpty || outcome.errors.contains(words), "\(script): \(outcome)")
                if code != 0 { #expect(outcome.output.isEmpty, "\(script): \(outcome)") }
                try server.end()
            }
        }

        @Test func anOpenFileIsAPortAndClosingIsDroppingIt() throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                #expect(try node.shell("cd \(place); \(Self.makeTree)").code == 0)
                let server = try node.serve("exec masix files serve \(place)/tree --open-files 3", name: "files")
                let space = try node.attach()
                let files = try Files.lookUp("files", in: space)
                let descriptors = "/proc/\(server.pid)/fd"
                let path = try #require(TreePath("deep/large"))
                func openHere() throws -> Int {
                    try Directory.entries(of: descriptors).filter {
                        (try? Link.target(of: "\(descriptors)/\($0.name)")) == "\(place)/tree/deep/large"
                    }.count
                }
                do {
                    let first = try files.open(path)
                    let second = try files.open(path)
                    #expect(first.port != second.port)
                    #expect(try openHere() == 2)
                    let third = try files.open(path)
                    let refused = #expect(throws: FilesError.self) { try files.open(path) }
                    #expect(refused == .refused(FileFailure(.tooManyOpen), path: "deep/large"))
                    #expect(try third.read(at: 9_000_000, count: 100).count == 1)
                    #expect(try third.read(at: 9_000_001, count: 100).isEmpty)
                    let readOnly = #expect(throws: FilesError.self) { try first.write([1], at: 0) }
                    #expect(readOnly == .refused(FileFailure(.notWritable), path: "deep/large"))
                }
                #expect(try eventually { try openHere() == 0 })
                // Nothing is left of them, and there is room again.
                #expect(try files.open(path).info.size == 9_000_001)
                try server.end()
            }
        }

        @Test func aBatchOpensAPortForEachOfItsFiles() throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                #expect(try node.shell("cd \(place); \(Self.makeTree)").code == 0)
                let server = try node.serve("exec masix files serve \(place)/tree --open-files 3", name: "files")
                let ports = { try node.shell("masix ports --json").objects().count }
                let space = try node.attach()
                let files = try Files.lookUp("files", in: space)
                let descriptors = "/proc/\(server.pid)/fd"
                func openHere() throws -> Int {
                    try Directory.entries(of: descriptors).filter {
                        (try? Link.target(of: "\(descriptors)/\($0.name)"))?.hasPrefix("\(place)/tree/") == true
                    }.count
                }
                let names = try ["hello", "link", "none", "nothing", "a"].map { try #require(FileName($0)) }
                let before = try ports()
                do {
                    // As many as may be open: the link is refused, it could lead anywhere.
                    let batch = try files.fetch(names, of: .root, opens: true)
                    #expect(batch.files.count == 3 && batch.open.map(\.path.description) == ["hello", "none"])
                    #expect(try batch.contents?.bytes() == Array("hello".utf8))
                    #expect(Set(batch.open.map(\.port)).count == 2)
                    #expect(try openHere() == 2)
                    #expect(try batch.open[0].read(at: 1, count: 3) == Array("ell".utf8))
                    let second = try files.fetch(names.suffix(2), of: .root, opens: true)
                    #expect(second.files.count == 1 && second.open.isEmpty)
                    #expect(second.files.first == .failed(FileFailure(.notFound)))
                    let third = try files.open(try #require(TreePath("a")))
                    let refused = #expect(throws: FilesError.self) { try files.fetch(names, of: .root, opens: true) }
                    #expect(refused == .refused(FileFailure(.tooManyOpen), path: "."))
                    #expect(third.info.size == 63999)
                    // Without opening there is no bound.
                    let whole = try files.fetch(names, of: .root)
                    #expect(whole.files.count == 5 && whole.open.isEmpty && whole.contents?.count == 5 + 63999)
                }
                #expect(try eventually { try openHere() == 0 })
                // The ports of closed files are kept for a moment only.
                #expect(try eventually { try ports() == before })
                // A whole tree, with fewer files at a time than a batch has.
                let copied = try node.shell("masix get -r --json files: \(place)/copy", seconds: 60)
                #expect(try copied.objects().first?["ports"] as? Int == 309, "\(copied)")
                #expect(try node.shell("cd \(place); diff -r --no-dereference -x pipe tree copy").code == 0)
                let progress = try node.shell("masix get --progress files:hello \(place)/hello")
                #expect(progress.errors.contains("100 % 1/1 files"), "\(progress)")
                try server.end()
            }
        }

        @Test func aKilledServerIsToldAtOnce() throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                #expect(
                    try node.shell("cd \(place); mkdir tree; for i in $(seq 40); do head -c 8000000 /dev/zero > tree/$i; done").code == 0)
                let server = try node.serve("exec masix files serve \(place)/tree", name: "files")
                let client = try node.start("exec masix get -r --quiet files: \(place)/copy")
                _ = eventually { (try? Directory.entries(of: place + "/copy").isEmpty) == false }
                #expect(client.isRunning)
                try server.end(Signal.kill)
                let outcome = try client.wait(seconds: 5)
                #expect(outcome.code == 71, "\(outcome)")
                #expect(outcome.errors.contains("the file server 'files' has died"), "\(outcome)")
            }
        }

        @Test func aServerThatReadsNonsenseGoesOn() throws {
            try NodeProcess.run { node in
                let place = try node.scratch()
                #expect(try node.shell("printf hello > \(place)/hello").code == 0)
                let server = try node.serve("exec masix files serve \(place)", name: "files")
                let space = try node.attach()
                let right = try space.names.lookUp("files")
                for count in [0, 1, 7, 100, Limits.inlineBytesMax] {
                    let answer = try right.call(Message(bytes: try RandomBytes.bytes(count)), timeout: .seconds(5))
                    // Random bytes may be a request; that of no bytes never is.
                    if count == 0 { #expect(try FilesAnswer(wireBytes: answer.bytes) == .failed(FileFailure(.malformed))) }
                }
                #expect(try node.shell("masix get files:hello -").output == "hello")
                try server.end()
            }
        }
    }
}
