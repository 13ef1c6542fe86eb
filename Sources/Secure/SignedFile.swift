import Crypto
public import MasixWire

/// What an administrator signs: a file with versions, of one cluster, that counts for a time.
public protocol SignedContent: WireCodable, Sendable {
    /// Eight letters in front of the file.
    static var magic: StaticString { get }
    /// What is signed together with the payload, so that one kind of file is never taken for another.
    static var label: StaticString { get }
    static var payloadBytesMax: Int { get }
    var cluster: ClusterID { get }
    /// 1 or more; each file has a higher one than that before.
    var version: UInt64 { get }
    var notBefore: WallTime { get }
    var notAfter: WallTime { get }
    /// What is wrong with this as what comes after `earlier`; nil if nothing is.
    func fault(after earlier: Self) -> String?
}

/// A file whose signature has been checked: there is no other way to have one. The bytes are kept as they are stored; nothing is written anew and
/// compared (spec/security.md 3.3).
///
///     magic(8) length(4) payload signature(64)
public struct SignedFile<Content: SignedContent>: Sendable {
    public let content: Content
    /// The whole file.
    public let bytes: [UInt8]

    public static var bytesMax: Int { prefixBytes + Content.payloadBytesMax + VerificationKey.signatureBytes }

    private static var prefixBytes: Int { 12 }

    /// Version and digest: what nodes tell each other.
    public var mark: VersionMark { VersionMark(version: content.version, digest: Digest256(of: bytes)) }

    /// Signs.
    public init(_ content: Content, by key: AdministratorKey) {
        let payload = content.wireBytes
        var writer = WireWriter(capacity: payload.count + 128)
        writer.write(raw: "\(Content.magic)".utf8)
        writer.write(counted: payload)
        writer.write(raw: key.signature(of: Self.said(payload)))
        self.content = content
        bytes = writer.bytes
    }

    /// Reads what is stored, or what another node has sent. The signature is checked before anything of the payload is looked at.
    public init(stored bytes: [UInt8], signedBy key: VerificationKey) throws(SecurityRefusal) {
        let (payload, signature): ([UInt8], [UInt8])
        do throws(WireError) {
            var reader = WireReader(bytes)
            guard try reader.readRaw(count: 8) == Array("\(Content.magic)".utf8) else { throw .malformed(field: "magic") }
            payload = try reader.readBytes(limit: Content.payloadBytesMax, field: "payload")
            signature = try reader.readRaw(count: VerificationKey.signatureBytes)
            try reader.finish()
        } catch {
            throw SecurityRefusal(error, in: "signed file")
        }
        guard key.isSignature(signature, of: Self.said(payload)) else {
            throw SecurityRefusal(.signature, "\(Content.magic): this is not signed by the administrator of this cluster")
        }
        content = try decode(Content.self, payload, as: "signed file")
        self.bytes = bytes
    }

    private static func said(_ payload: [UInt8]) -> [UInt8] { Array("\(Content.label)".utf8) + payload }
}

extension Digest256 {
    /// SHA-256.
    public init(of bytes: [UInt8]) {
        guard let digest = Digest256(Array(SHA256.hash(data: bytes))) else { preconditionFailure("SHA-256 has 32 bytes") }
        self = digest
    }
}
