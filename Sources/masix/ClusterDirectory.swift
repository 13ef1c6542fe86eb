import ArgumentParser
import MasixLinux
import MasixSecure
import MasixWire
import SystemPackage

/// Where an administrator keeps his cluster: not on a node.
struct ClusterOptions: ParsableArguments {
    @Option(name: .customLong("directory"), help: ArgumentHelp("Where the administrator keeps the cluster's files.", valueName: "dir"))
    var path = "."

    var directory: ClusterDirectory { ClusterDirectory(path: path) }
}

/// The administrator's files: his key under a password, what every node knows of it, and what he has signed (spec/security.md 3.3).
struct ClusterDirectory {
    let path: String

    var keyPath: String { "\(path)/ak.sealed" }
    var identityPath: String { "\(path)/cluster.key" }
    var rosterPath: String { "\(path)/roster.signed" }
    var manifestPath: String { "\(path)/manifest.signed" }
    var draftPath: String { "\(path)/manifest.draft" }
    func grantPath(_ node: NodeName) -> String { "\(path)/\(node).grant" }

    /// What every node of a cluster knows: `cluster HEX key HEX`.
    struct Identity {
        let cluster: ClusterID
        let key: VerificationKey

        var text: String { "cluster \(Hexadecimal.encode(cluster.bytes)) key \(Hexadecimal.encode(key.bytes))\n" }

        init(cluster: ClusterID, key: VerificationKey) {
            self.cluster = cluster
            self.key = key
        }

        init?(_ bytes: [UInt8]) {
            let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
            guard words.count == 4, words[0] == "cluster", words[2] == "key", words[3].hasSuffix("\n"),
                let cluster = Hexadecimal.decode(words[1].utf8).flatMap({ ClusterID($0) }),
                let key = Hexadecimal.decode(words[3].dropLast().utf8).flatMap({ VerificationKey($0) })
            else { return nil }
            self.init(cluster: cluster, key: key)
        }
    }

    static var now: WallTime { WallTime(seconds: UInt64(max(0, Clock.wallMilliseconds()) / 1_000)) }

    static func later(than time: WallTime, seconds: UInt64) throws(Complaint) -> WallTime {
        let (sum, isTooLate) = time.seconds.addingReportingOverflow(seconds)
        guard !isTooLate else { throw Complaint("that is beyond the end of time", .malformed) }
        return WallTime(seconds: sum)
    }

    func identity() throws(Complaint) -> Identity {
        guard let bytes = try StateFile.contents(identityPath, max: 4_096) else {
            throw Complaint("\(path) is no cluster: `masix cluster init` makes one", .notFound)
        }
        guard let identity = Identity(bytes) else { throw Complaint("\(identityPath): this is not the key of a cluster", .malformed) }
        return identity
    }

    /// The administrator's key, for which his password is asked.
    func unlock(_ password: PasswordOption) throws(Complaint) -> AdministratorKey {
        let identity = try identity()
        guard let stored = try StateFile.contents(keyPath, max: 4_096) else {
            throw Complaint("\(keyPath): there is no such file", .notFound)
        }
        // What does not bound its costs is not worth asking for.
        do throws(SecurityRefusal) { _ = try SealedAdministratorKey.cost(of: stored) } catch { throw Complaint(error, keyPath) }
        let words = try password.read("password of the administrator")
        let key: AdministratorKey
        do throws(SecurityRefusal) { key = try SealedAdministratorKey.open(stored, password: words) } catch {
            throw Complaint(error, keyPath)
        }
        guard key.publicKey == identity.key else { throw Complaint("\(keyPath) is not the key of \(identityPath)", .malformed) }
        return key
    }

    /// A signed file, checked; nil if there is none.
    func signed<Content: SignedContent>(_ path: String) throws(Complaint) -> SignedFile<Content>? {
        guard let bytes = try StateFile.contents(path, max: SignedFile<Content>.bytesMax + 1) else { return nil }
        let identity = try identity()
        do throws(SecurityRefusal) {
            let file = try SignedFile<Content>(stored: bytes, signedBy: identity.key)
            guard file.content.cluster == identity.cluster else { throw SecurityRefusal(.cluster, "this is of another cluster") }
            return file
        } catch { throw Complaint(error, path) }
    }

    /// The manifest that is being written: the draft, else what was signed last, else an empty one.
    func draft() throws(Complaint) -> Manifest {
        let identity = try identity()
        if let bytes = try StateFile.contents(draftPath, max: Manifest.payloadBytesMax + 1) {
            do throws(WireError) {
                let draft = try Manifest(wireBytes: bytes)
                guard draft.cluster == identity.cluster else { throw .malformed(field: "cluster") }
                return draft
            } catch { throw Complaint("\(draftPath): this is no draft of a manifest: \(error)", .malformed) }
        }
        let last: SignedFile<Manifest>? = try signed(manifestPath)
        let now = Self.now
        do throws(WireError) {
            return try Manifest(
                cluster: identity.cluster, version: (last?.content.version ?? 0) + 1, notBefore: now, notAfter: WallTime(seconds: .max),
                entries: last?.content.entries ?? [])
        } catch { throw Complaint("\(error)", .malformed) }
    }

    /// SHA-256 of a file.
    static func digest(of path: String) throws(Complaint) -> Digest256 {
        guard let bytes = try StateFile.contents(path, max: 1 << 30) else { throw Complaint("\(path): there is no such file", .notFound) }
        return Digest256(of: bytes)
    }
}

extension Complaint {
    init(_ refusal: SecurityRefusal, _ place: String) {
        let words = refusal.reason == .malformed ? "it is damaged, or no file of this kind (\(refusal.detail))" : refusal.detail
        self.init("\(place): \(words)", .malformed)
    }
}

extension WallTime {
    /// For people, in UTC.
    var words: String { seconds == .max ? "for ever" : "\(CalendarTime(Int64(min(seconds, Self.lastOfYear9999)))) UTC" }

    private static let lastOfYear9999: UInt64 = 253_402_300_799
}
