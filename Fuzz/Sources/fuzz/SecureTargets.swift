import MasixSecure
import MasixWire

/// Chance that is the same in every run.
private struct SeededChance: RandomNumberGenerator {
    var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// An administrator, two nodes, and the servers on them: everybody who reads what others write.
private struct SecureScene {
    var chance = SeededChance()
    let now = BootTime(nanoseconds: 1_000_000_000_000)
    let today = WallTime(seconds: 100)
    let administrator: AdministratorKey
    let roster: SignedFile<ClusterRoster>
    let manifest: SignedFile<Manifest>
    let grant: SignedFile<JoinGrant>
    let token: JoinToken
    var here: TicketIssuer
    var there: TicketIssuer
    var editor: RegisteredMessage
    var files: RegisteredMessage
    let mail: RegisteredMessage
    var requester: TicketRequester
    var acceptor: SessionAcceptor
    var resolver: RemoteResolver
    var answerer: RemoteAnswerer

    /// What everybody has said, by kind.
    var resolve: [UInt8] = []
    var granted: [UInt8] = []
    var forward: [UInt8] = []
    var request: [UInt8] = []
    var reply: [UInt8] = []

    init() throws {
        let cluster = ClusterID(random: &chance)
        let digest = Digest256(of: [1])
        guard let a = NodeName("a"), let b = NodeName("b"), let every = NamePattern("*"), let editorName = ServerName("editor"),
            let filesName = ServerName("files"), let mailName = ServerName("mail"), let prefix = NamePattern("mail/*"),
            let library = ManifestLibrary(path: "/lib/x.so", digest: digest),
            let node = ClusterNode(
                number: 1, name: a, fingerprint: digest, address: "10.0.0.1:7117", epoch: 1, expires: WallTime(seconds: 900))
        else { throw SecurityRefusal(.malformed, "a scene that is none") }
        administrator = AdministratorKey(random: &chance)
        token = JoinToken(for: administrator.publicKey, random: &chance)
        let (first, last) = (WallTime(seconds: 0), WallTime(seconds: 500))
        roster = SignedFile(
            try ClusterRoster(
                cluster: cluster, version: 3, notBefore: first, notAfter: last, nodes: [node], revoked: [Digest256(of: [9])]),
            by: administrator)
        manifest = SignedFile(
            try Manifest(
                cluster: cluster, version: 2, notBefore: first, notAfter: last,
                entries: [
                    try ManifestEntry(executable: digest, names: [every], interfaces: [.client, .server], uid: 7),
                    try ManifestEntry(
                        executable: digest, names: [prefix], interfaces: [.client], nodes: [a, b], uid: 8, arguments: ["mail", "-x"],
                        interpreter: digest, libraries: [library]),
                ]), by: administrator)
        grant = SignedFile(
            try JoinGrant(cluster: cluster, notBefore: first, notAfter: last, token: token.publicKey, number: 2, name: b), by: administrator
        )
        let policy = try Policy(text: Array("allow mail server from node a\n".utf8))
        here = TicketIssuer(node: a, boot: BootID(random: &chance), hasAES: true)
        there = TicketIssuer(node: b, boot: BootID(random: &chance), hasAES: false, policy: policy)
        let attestation = Attestation(uid: 7, executable: digest, isLaunched: true)
        func register(_ name: ServerName) -> [UInt8] { RegisterMessage(server: name, interfaces: [.client, .server]).message }
        editor = try here.register(register(editorName), as: attestation, manifest: manifest.content, random: &chance)
        files = try here.register(register(filesName), as: attestation, manifest: manifest.content, random: &chance)
        mail = try there.register(register(mailName), as: attestation, manifest: manifest.content, random: &chance)
        requester = TicketRequester(editor)
        acceptor = SessionAcceptor(files)
        resolver = RemoteResolver(node: a)
        answerer = RemoteAnswerer(node: b)

        let sender = Sender.server(instance: editor.name.instance)
        resolve = try requester.resolve(MasixSecure.Target(server: filesName), .server, at: now, random: &chance)
        if case .grant(_, let bytes) = try here.resolve(resolve, from: sender, at: now, random: &chance) { granted = bytes }
        let remote = try requester.resolve(MasixSecure.Target(server: mailName, node: b), .server, at: now, random: &chance)
        if case .forward(let bytes) = try here.resolve(remote, from: sender, at: now, random: &chance) { forward = bytes }
        request = try resolver.forward(forward, on: 1, at: now)
        reply = try there.answer(try RemoteRequest(message: request), at: now, random: &chance)
    }

    /// The one that all inputs begin from.
    static let shared: SecureScene = {
        do { return try SecureScene() } catch { fatalError("no scene: \(error)") }
    }()
}

/// Whether something was refused, as it must be, or taken.
private func isTaken(_ body: () throws -> Void) -> Bool {
    do {
        try body()
        return true
    } catch {
        require(!"\(error)".isEmpty, "a refusal without words")
        return false
    }
}

extension Target {
    private static func value<Value: WireDecodable>(_ type: Value.Type, _ message: [UInt8]) -> [Value] {
        [try? Value(wireBytes: Array(message[SecureFrame.headerBytes...]))].compactMap { $0 }
    }

    /// The messages of resolution, sessions and joining.
    static let secureMessages: Target = {
        let scene = SecureScene.shared
        let digest = Digest256(of: [1])
        let resolved = [try? ResolveMessage(wireBytes: Array(scene.resolve[SecureFrame.headerBytes...].dropLast(32)))].compactMap { $0 }
        let requests = value(RemoteRequest.self, scene.request)
        let joiner = Joiner(token: scene.token, fingerprint: digest, address: "10.0.0.2:7117")
        let offer = JoinOffer(administrator: scene.administrator.publicKey, roster: scene.roster.bytes, nonce: resolved.map(\.nonce)[0])
        let joins = [try? joiner.join(offer, member: digest, at: scene.today).request].compactMap { $0 }
        return .decoders(
            "secure-messages", share: 30, longest: 4_096,
            [
                .exact([RegisterMessage(server: scene.editor.name.server, interfaces: [.client, .server])]),
                .exact([scene.editor]),
                .exact([RevokeMessage(name: scene.editor.name, boot: scene.here.boot)]),
                .exact(requests.map { RefusedMessage(request: $0.request) }),
                .exact(resolved),
                .exact([OpeningMessage(ticket: [1, 2, 3], handshake: [UInt8](repeating: 1, count: 48))]),
                .exact([AnswerMessage(handshake: [UInt8](repeating: 1, count: 50))]),
                .exact(value(ForwardMessage.self, scene.forward)),
                .exact(requests),
                .exact(value(RemoteReply.self, scene.reply)),
                .exact([offer]),
                .exact(joins),
                .exact([
                    EnrolmentMessage.begin(nonce: [UInt8](repeating: 1, count: 16), element: [UInt8](repeating: 2, count: 32)),
                    .answer(
                        nonce: [UInt8](repeating: 1, count: 16), element: [UInt8](repeating: 2, count: 32),
                        proof: [UInt8](repeating: 3, count: 32)),
                    .confirm(proof: [UInt8](repeating: 3, count: 32)),
                ]),
                .exact([scene.roster.mark, .nothing]),
                Decoder(seeds: [Array("MSXHELO1".utf8) + [1, 0, 0, 0, 2, 0, 0, 0] + [UInt8](repeating: 0, count: 80)]) { bytes in
                    guard let hello = try? DataHello(wireBytes: bytes) else { return }
                    require(hello.wireBytes == bytes, "other bytes come back")
                },
            ])
    }()

    /// What administrators sign and seal.
    static let secureFiles: Target = {
        let scene = SecureScene.shared
        let key = scene.administrator.publicKey
        func signed<Content: SignedContent>(_ file: SignedFile<Content>) -> Decoder {
            Decoder(seeds: [file.bytes]) { bytes in
                guard isTaken({ _ = try SignedFile<Content>(stored: bytes, signedBy: key) }) else { return }
                require(bytes == file.bytes, "a file that the administrator has not signed")
            }
        }
        let sealed = Array("MSXSEAL1".utf8) + [1, 2, 0, 0, 0, 0, 0, 1, 0] + [UInt8](repeating: 7, count: SealedAdministratorKey.bytes - 17)
        return .decoders(
            "secure-files", share: 20, longest: 4_096,
            [
                .exact([scene.roster.content]) { roster in
                    require(roster.ended(since: roster).isEmpty && roster.fault(after: roster) == nil, "a roster that differs from itself")
                },
                .exact([scene.manifest.content]), .exact([scene.grant.content]), signed(scene.roster), signed(scene.manifest),
                signed(scene.grant),
                Decoder(seeds: [sealed]) { bytes in
                    guard let cost = try? SealedAdministratorKey.cost(of: bytes) else { return }
                    require(SealedAdministratorKey.Cost.operationsRange.contains(cost.operations), "costs without a bound")
                    require(SealedAdministratorKey.Cost.memoryKiBRange.contains(cost.memoryKiB), "costs without a bound")
                },
            ])
    }()

    /// What people write: policies and tokens.
    static let secureTexts: Target = {
        let scene = SecureScene.shared
        let text = """
            # Files.
            allow files client from node b uid 7 # b
            deny mail/* any from remote
            allow * server from anywhere name edi* exe sha256:\(Hexadecimal.encode(Digest256(of: [1]).bytes)) unattested
            allow a@b:c server from local
            """
        return .decoders(
            "secure-texts", share: 20, longest: 2_048,
            [
                Decoder(seeds: [Array(text.utf8)] + text.split(separator: "\n").map { Array($0.utf8) }) { bytes in
                    do throws(PolicyError) {
                        let policy = try Policy(text: bytes)
                        require((try? Policy(text: Array(policy.text.utf8)))?.text == policy.text, "another policy is read back")
                        guard let request = try? RemoteRequest(message: scene.request) else { return }
                        let decision = policy.explain(request.asker, opens: request.server, .server, on: scene.there.node)
                        require(!decision.why.isEmpty, "a decision without a reason")
                        require(decision.isAllowed == (decision.rule?.allows ?? false), "between nodes something is open without a rule")
                    } catch {
                        require(error.line >= 0 && error.column >= 0 && !error.what.isEmpty, "an error that says nothing")
                    }
                },
                Decoder(seeds: [Array(scene.token.text.utf8)]) { bytes in
                    guard let token = try? JoinToken(text: String(decoding: bytes, as: UTF8.self)) else { return }
                    require(Array(token.text.utf8) == bytes, "another token comes back")
                },
            ])
    }()

    /// A stream of records, as the other end of a session, or whoever stands in between, may send it.
    static let secureRecords = Target(
        name: "secure-records", share: 15, longest: 1_024, seeds: { [RecordOpening.stream()].compactMap { $0 } }, feed: RecordOpening.feed)

    /// Each role, with a message that somebody has disturbed: it takes what was really said, and nothing else.
    static let secureSession = Target(
        name: "secure-session", share: 15, longest: 4_096,
        seeds: {
            let scene = SecureScene.shared
            return [
                [0] + scene.resolve, [1] + scene.granted, [2] + scene.forward, [3] + scene.request, [4] + scene.reply, [5] + scene.reply,
            ]
        },
        feed: { bytes in
            guard let role = bytes.first else { return }
            let message = Array(bytes.dropFirst())
            var scene = SecureScene.shared
            let sender = Sender.server(instance: scene.editor.name.instance)
            switch role % 7 {
            case 0:
                let taken = isTaken { _ = try scene.here.resolve(message, from: sender, at: scene.now, random: &scene.chance) }
                require(!taken || message == scene.resolve, "a question that was not made with the key")
            case 1:
                let taken = isTaken { _ = try scene.requester.granted(message, at: scene.now, random: &scene.chance).server }
                require(!taken || message == scene.granted, "a grant that was not made by the name server")
            case 2:
                var fresh = RemoteResolver(node: scene.here.node)
                _ = isTaken { _ = try fresh.forward(message, on: 1, at: scene.now) }
            case 3: _ = isTaken { _ = try scene.answerer.request(message, from: scene.here.node, on: 1, at: scene.now) }
            case 4:
                let taken = isTaken { _ = try scene.resolver.reply(message, on: 1, at: scene.now) }
                require(!taken || scene.resolver.pendingCount == 0, "an answer that ended no question")
            case 5: _ = isTaken { _ = try scene.here.replied(message, at: scene.now, random: &scene.chance) }
            default:
                let taken = isTaken { _ = try scene.acceptor.accept(message, at: scene.now, random: &scene.chance).deadline }
                require(!taken, "an opening without a ticket")
            }
        })
}

/// The receiving end, which must give out what was sealed, in order, and nothing else.
private enum RecordOpening {
    static let payloads: [[UInt8]] = [[1, 2, 3], [], [UInt8](repeating: 9, count: 100)]

    /// What the sending end says: the records, and the last one.
    static func stream() -> [UInt8]? {
        var scene = SecureScene.shared
        guard let opening = try? scene.requester.granted(scene.granted, at: scene.now, random: &scene.chance) else { return nil }
        let message = opening.message
        var (stream, parameters): ([UInt8], [UInt8]) = ([], [])
        guard let pending = try? scene.acceptor.accept(message, at: scene.now, random: &scene.chance),
            var asking = try? opening.answered(pending.answer, at: scene.now, parameters: &parameters)
        else { return nil }
        for payload in payloads {
            guard (try? asking.sealer.seal(payload, into: &stream)) != nil else { return nil }
        }
        return (try? asking.sealer.close(into: &stream)) == nil ? nil : stream
    }

    static func feed(_ bytes: [UInt8]) {
        var scene = SecureScene.shared
        guard let opening = try? scene.requester.granted(scene.granted, at: scene.now, random: &scene.chance) else { return }
        let message = opening.message
        var buffer = RecordBuffer()
        buffer.append(bytes)
        guard let pending = try? scene.acceptor.accept(message, at: scene.now, random: &scene.chance),
            let first = try? buffer.next()
        else { return }
        var output: [UInt8] = []
        guard var session = try? pending.confirm(first, at: scene.now, into: &output) else {
            require(output.isEmpty, "bytes of a record that does not open")
            return
        }
        var isClosed = false
        while let record = try? buffer.next(), let kind = try? session.opener.open(record, into: &output) {
            require(!isClosed, "a record after the last one")
            isClosed = kind == .close
        }
        let whole = Array(payloads.joined())
        require(whole.starts(with: output), "what nobody has said")
        require(isClosed == ((try? session.opener.finish()) != nil), "an end that was not said")
    }
}
