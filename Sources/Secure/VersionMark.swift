public import MasixWire

/// Version and digest of a signed file, as nodes tell each other in the hello of their channel (spec/security.md 3.3).
public struct VersionMark: Hashable, Sendable, WireCodable, CustomStringConvertible {
    /// 0 of a node that has none.
    public let version: UInt64
    public let digest: Digest256

    public static var nothing: VersionMark { VersionMark(version: 0, digest: .none) }

    public init(version: UInt64, digest: Digest256) {
        self.version = version
        self.digest = digest
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(version)
        writer.write(digest)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        self.init(version: try reader.read(), digest: try reader.read())
        guard version > 0 || digest == .none else { throw .malformed(field: "version") }
    }

    public var description: String { "version \(version)" }

    /// What to do about what another node has.
    public enum Comparison: Hashable, Sendable {
        case same
        /// The other one is behind: it is sent ours.
        case send
        /// We are behind: we ask for theirs, and check it as any other.
        case ask
        /// Two files of one version: the administrator's key has signed twice, or somebody has it. An alarm, and nothing is changed.
        case fork
    }

    public func compare(with theirs: VersionMark) -> Comparison {
        if version != theirs.version { return version > theirs.version ? .send : .ask }
        return digest == theirs.digest ? .same : .fork
    }
}

/// What a node holds of one kind of file: it only ever goes forward (TUF's rollback and freeze attacks; spec/security.md 3.3).
public struct VersionKeeper<Content: SignedContent>: Sendable {
    /// Nil until there is a first one.
    public private(set) var held: SignedFile<Content>?
    /// The highest that was ever held here: written to the disk before a file counts, so that a restart does not go back either.
    public private(set) var highest: VersionMark
    private let cluster: ClusterID
    private let key: VerificationKey

    /// `highest` as it was written down in an earlier life.
    public init(cluster: ClusterID, key: VerificationKey, highest: VersionMark = .nothing) {
        self.cluster = cluster
        self.key = key
        self.highest = highest
    }

    /// What other nodes are told.
    public var mark: VersionMark { held?.mark ?? .nothing }

    /// Takes a file that was stored or sent, if it is later than what is held. False if it is the one that is held already. The caller writes `highest`
    /// and the file down, in this order, before he acts on it.
    public mutating func take(_ bytes: [UInt8], at now: WallTime) throws(SecurityRefusal) -> Bool {
        let file = try SignedFile<Content>(stored: bytes, signedBy: key)
        guard file.content.cluster == cluster else { throw SecurityRefusal(.cluster, "a file of another cluster") }
        let mark = file.mark
        switch highest.compare(with: mark) {
        case .send: throw SecurityRefusal(.rollback, "version \(mark.version), where \(highest.version) was held already")
        case .fork:
            throw SecurityRefusal(
                .fork, "another file of version \(mark.version): the administrator's key has signed twice, or is not his alone")
        case .same: if held != nil { return false }
        case .ask: break
        }
        guard now >= file.content.notBefore else {
            throw SecurityRefusal(.notYetValid, "version \(mark.version) does not count before \(file.content.notBefore.seconds)")
        }
        guard now < file.content.notAfter else {
            throw SecurityRefusal(.expired, "version \(mark.version) counts no more since \(file.content.notAfter.seconds)")
        }
        if let earlier = held?.content, let fault = file.content.fault(after: earlier) {
            throw SecurityRefusal(.malformed, "version \(mark.version): \(fault)")
        }
        held = file
        highest = mark
        return true
    }

    /// What counts now. Nil when nothing is held or when it has expired: then nothing is allowed.
    public func content(at now: WallTime) -> Content? {
        guard let content = held?.content, now >= content.notBefore, now < content.notAfter else { return nil }
        return content
    }
}
