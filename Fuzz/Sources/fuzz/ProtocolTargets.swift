import FoundationEssentials
import Masix
import MasixKernel
import MasixProtocols
import MasixWire

extension Target {
    /// The name server's protocol, and what it says to whoever keeps its names.
    static let names: Target = {
        let owner = NameOwner(uid: 1_000, task: Story.second, pid: 77, program: "shop")
        let record = NameRecord(name: "shop.door", port: Story.well, owner: owner)
        let requests: [NameRequest] = [
            .register("shop.door", replace: true), .lookUp("shop.door", waitMilliseconds: 500), .remove("shop.door"), .list(after: ""),
            .confirm("shop.door", Story.well), .namesOf(Story.second), .learn("shop.door"),
            .unlearn(["shop.door", "shop.door@b"], Story.well),
        ]
        let answers: [NameAnswer] = [
            .done, .found, .names([record, record], more: false), .notYet, .unknown(known: ["a", "b"], count: 2), .taken(owner),
            .notOwner(owner), .invalidName, .tooMany(limit: 9), .noRight, .noNode("b", known: ["a"]),
        ]
        return .decoders(
            "names", share: 60,
            [
                .exact(requests) { request in
                    switch request {
                    case .register(let name, _), .lookUp(let name, _), .lookUpHere(let name, _), .remove(let name), .list(let name):
                        _ = NameRequest.isName(name)
                    case .learn(let name): _ = NameRequest.isOwnName(name)
                    case .unlearn(let names, _): for name in names { _ = NameRequest.parts(of: name) }
                    case .connectNodes, .confirm, .namesOf: break
                    }
                },
                .exact(answers) { _ = String(describing: $0) },
                .exact([DepositRequest.deposit(record), .withdraw("shop"), .collect(after: ""), .ready]),
                .exact([DepositedNames(names: [record, record], more: true)]),
            ])
    }()

    static let supervisor: Target = {
        let roles = RoleStatus.State.allCases.map {
            RoleStatus(name: "names", state: $0, pid: 9, uid: 60_501, restarts: 2, milliseconds: 5_000, lastEnd: "ended by SIGKILL")
        }
        let status = NodeStatus(
            number: 7, incarnation: 1, directory: "/run/masix", version: "1", protocolVersion: 1, milliseconds: 9, roles: roles,
            weaknesses: ["Not started by root."])
        let entries = specifications.map { ServerEntry(specification: $0, status: roles[0], isFromFile: true) }
        return .decoders(
            "supervisor", share: 60,
            [
                .exact(specifications.map { SupervisorRequest.add($0) } + [.status, .list, .remove("a"), .restart("b"), .reload, .stop]) {
                    if case .add(let server) = $0 { _ = server.complaint }
                },
                .exact([SupervisorAnswer.done, .status(status), .servers(entries), .refused("not root")]),
            ])
    }()

    static let specifications = [
        ServerSpecification(name: "shop", command: ["/bin/shop", "--open"]),
        ServerSpecification(
            name: "bank", command: ["/bin/bank"], environment: ["LOCK=1"], uid: 1_000, gid: 1_000, restart: .onFailure),
    ]

    static let files: Target = {
        let info = FileInfo(
            kind: .link, size: 5, mode: 0o644, modifiedSeconds: -1, modifiedNanoseconds: 5, uid: 1, gid: 2, linkTarget: "../there")
        let attributes = FileAttributes(mode: 0o755, modified: FileAttributes.Modified(seconds: 9, nanoseconds: 8))
        let path = TreePath("a/b/c") ?? .root
        var opening = FileOpening()
        opening.isWriting = true
        opening.creates = true
        opening.inlineMax = 4_096
        let entries = ["a", "b.txt"].compactMap(FileName.init).map { FileEntry(name: $0, info: info) }
        let requests: [FilesRequest] = [
            .describe, .status(path), .list(path, after: "x"), .open(path, opening), .open(.root, FileOpening()),
            .makeDirectory(path, mode: 0o755), .makeLink(path, target: "../x"), .remove(path), .setAttributes(path, attributes),
            .fetch([WantedFiles(directory: path, names: entries.map(\.name)), WantedFiles(directory: .root, names: [])], opens: true),
            .listSeveral([path, .root]),
        ]
        let listed: [ListedDirectory] = [.entries(entries, isLast: false), .failed(FileFailure(.notFound)), .entries([], isLast: true)]
        let answers: [FilesAnswer] = [
            .failed(FileFailure(.notFound, errno: 2)), .done, .described(isWritable: true, openFilesMax: 64), .info(info),
            .entries(entries, isLast: true), .opened(info, content: Array("content".utf8)), .opened(info, content: nil),
            .listed(listed), .listedInMemory(count: 9),
        ]
        let openRequests: [OpenFileRequest] = [
            .read(offset: 5, count: 100), .write(offset: 5, [1, 2, 3]), .writeMemory(offset: 7), .status, .resize(9),
            .setAttributes(attributes), .setAttributes(FileAttributes()),
        ]
        let openAnswers: [OpenFileAnswer] = [
            .failed(FileFailure(.noSpace)), .done, .bytes([1, 2]), .memory(count: 5), .written(6), .info(info),
        ]
        return .decoders(
            "files", share: 80,
            [
                // A path can be said with more slashes and points than are kept.
                .same(requests) { request in
                    switch request {
                    case .describe: break
                    case .status(let path), .list(let path, _), .open(let path, _), .makeDirectory(let path, _), .makeLink(let path, _),
                        .remove(let path), .setAttributes(let path, _):
                        check(path)
                    case .fetch(let wanted, _):
                        for wanted in wanted {
                            check(wanted.directory)
                            for name in wanted.names { check(wanted.directory.appending(name)) }
                        }
                    case .listSeveral(let paths): for path in paths { check(path) }
                    }
                },
                .exact(answers) { answer in
                    if case .entries(let entries, _) = answer { for entry in entries { check(TreePath.root.appending(entry.name)) } }
                    if case .failed(let failure) = answer { _ = failure.description }
                },
                .exact(openRequests), .exact(openAnswers), .exact(listed),
            ])
    }()

    /// Nothing that is taken for a path leads out of its tree.
    private static func check(_ path: TreePath) {
        let components = path.description.split(separator: "/", omittingEmptySubsequences: false)
        require(path.isRoot || !components.contains { $0.isEmpty || $0 == "." || $0 == ".." }, "a path of \(components)")
        require(TreePath(path.description) == path, "a path that is not its own")
        require(
            path.isRoot || FileName(path.name) != nil || path.name.utf8.count > FilesProtocol.nameBytesMax, "a last part that is no name")
        _ = path.parent
    }

    static let stream = Target.decoders(
        "stream", share: 40, longest: 1_200,
        [
            .exact([StreamOpening()]), .exact([StreamOpened.refused("no"), .accepted(pid: 7)]),
            .exact([StreamMessage.data([1, 2, 3]), .end, .closed, .signal(15), .exited(code: 1), .killed(signal: 9)]),
            .exact([StreamMessage.resized(TerminalSize(columns: 80, rows: 24))]),
            .exact([ShellOpening(terminal: TerminalSize(columns: 80, rows: 24), kind: "xterm", command: ["uname", "-a"])]),
            .exact([NetworkRequest.status, .measure(2), .ports]),
            .exact([
                SharedPorts([
                    SharedPort(uid: Story.well, here: PortID(node: NodeID(number: 9, incarnation: 1), counter: 3)),
                    SharedPort(uid: Story.well, here: Story.well, holders: [2, 3]),
                ])
            ]), .exact([NetworkRoundTrip(nanoseconds: 1)]),
            .exact([
                NetworkStatus(
                    name: "a",
                    peers: [
                        PeerStatus(
                            number: 2, name: "b", address: "192.0.2.2:7117", isUp: true, milliseconds: 5, version: 1, software: "1",
                            exports: 1, proxies: 2, framesSent: 3, framesReceived: 4, refusal: "lost", words: "it was cut", ago: 6)
                    ], strangers: ["192.0.2.9: a key"])
            ]),
        ])

    private struct Servers: Codable, Equatable {
        var servers: [ServerSpecification]
    }

    /// The administrator's list of servers. What is taken and has no complaint can be said to the supervisor too.
    static let configuration = Target(
        name: "configuration", share: 30, longest: 1_024,
        seeds: {
            let encoder = JSONEncoder()
            // The same bytes every time.
            encoder.outputFormatting = [.sortedKeys]
            let whole = (try? encoder.encode(Servers(servers: specifications))).map { [UInt8]($0) } ?? []
            return [whole, Array(#"{"servers": []}"#.utf8), Array(#"{"servers": [{"name": "a", "command": ["/a"]}]}"#.utf8)]
        },
        feed: { bytes in
            guard let list = try? JSONDecoder().decode(Servers.self, from: Data(bytes)) else { return }
            for server in list.servers where server.complaint == nil {
                require(decoded(ServerSpecification.self, server.wireBytes) == server, "a server that cannot be said")
            }
            guard let again = try? JSONEncoder().encode(list) else { return require(false, "a list that cannot be written") }
            require((try? JSONDecoder().decode(Servers.self, from: again)) == list, "another list comes back")
        })
}
