import Crypto
import FoundationEssentials
import MasixLinux
import MasixNetwork
import NIOSSL
import SwiftASN1
public import SystemPackage
import X509

/// The key of a node: Ed25519, made once, never leaves the node. Its certificate is only a wrapping: nobody looks at anything in it but the
/// key.
public struct NodeKey: Sendable {
    private let key: Curve25519.Signing.PrivateKey

    private init(_ key: Curve25519.Signing.PrivateKey) { self.key = key }

    /// A new one, by the chance of the machine.
    public static func make() -> NodeKey { NodeKey(Curve25519.Signing.PrivateKey()) }

    /// Reads what `pem` writes.
    public init(pem text: String) throws(NodeKeyError) {
        do {
            let document = try PEMDocument(pemString: text)
            guard document.discriminator == "PRIVATE KEY" else { throw NodeKeyError.notKey }
            let bytes = document.derBytes
            guard bytes.count == Self.prefix.count + 32, bytes.starts(with: Self.prefix) else { throw NodeKeyError.notKey }
            key = try Curve25519.Signing.PrivateKey(rawRepresentation: bytes.dropFirst(Self.prefix.count))
        } catch {
            // What exactly is wrong with a key file is nobody's business but its owner's, and he has only this one.
            throw NodeKeyError.notKey
        }
    }

    /// The content of a key file: PKCS #8.
    public var pem: String {
        PEMDocument(type: "PRIVATE KEY", derBytes: Self.prefix + Array(key.rawRepresentation)).pemString + "\n"
    }

    /// RFC 8410: everything of a PKCS #8 Ed25519 key but its 32 bytes.
    private static let prefix: [UInt8] = [
        0x30, 0x2E, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ]

    /// RFC 8410: everything of an Ed25519 SubjectPublicKeyInfo but its 32 bytes.
    private static let publicPrefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]

    /// SHA-256 of the SubjectPublicKeyInfo: what the roster holds.
    public var fingerprint: [UInt8] { Array(SHA256.hash(data: Self.publicPrefix + Array(key.publicKey.rawRepresentation))) }

    /// The same, of the key in a peer's certificate.
    static func fingerprint(of certificate: NIOSSLCertificate) throws -> [UInt8] {
        Array(SHA256.hash(data: try certificate.extractPublicKey().toSPKIBytes()))
    }

    /// A certificate that says the key and nothing else. It is made anew for each start, and is not compared.
    func certificate() throws -> NIOSSLCertificate {
        let signer = Certificate.PrivateKey(key)
        let name = try DistinguishedName { CommonName("masix") }
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: signer.publicKey, notValidBefore: Self.validFrom,
            notValidAfter: Self.validTo, issuer: name, subject: name, signatureAlgorithm: .ed25519,
            extensions: try Certificate.Extensions {}, issuerPrivateKey: signer)
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return try NIOSSLCertificate(bytes: serializer.serializedBytes, format: .der)
    }

    /// 2020 to 2100: keys end by the roster, not by the calendar.
    private static let validFrom = Date(timeIntervalSince1970: 1_577_836_800)
    private static let validTo = Date(timeIntervalSince1970: 4_102_444_800)

    func privateKey() throws -> NIOSSLPrivateKey { try NIOSSLPrivateKey(bytes: Array(pem.utf8), format: .pem) }
}

/// Why there is no key.
public enum NodeKeyError: Error, Hashable, Sendable, CustomStringConvertible {
    case notKey
    /// Others may read the file, or change it.
    case open(mode: UInt32)
    case file(Errno)

    public var description: String {
        switch self {
        case .notKey: "this is not the file of an Ed25519 key"
        case .open(let mode): "others than its owner may use it: its mode is \(String(mode, radix: 8)), and must be 600 or less"
        case .file(let error): "\(error)"
        }
    }
}

extension NodeKey {
    /// Reads a key file; refuses one that others than its owner may use.
    public init(file path: String) throws(NodeKeyError) {
        let bytes: [UInt8]
        let mode: UInt32
        do throws(Errno) {
            let file = try File.open(path, .read)
            mode = try File.status(of: file.raw).mode
            bytes = try file.readAll(max: 4_096)
        } catch {
            throw .file(error)
        }
        guard mode & 0o077 == 0 else { throw .open(mode: mode) }
        try self.init(pem: String(decoding: bytes, as: UTF8.self))
    }

    /// Writes a key file that only its owner may read. `.fileExists` if there is one: a key is never overwritten.
    public func write(to path: String) throws(Errno) {
        let file = try File.open(path, [.write, .create, .exclusive], mode: 0o600)
        try file.writeAll(Array(pem.utf8))
        try File.synchronize(file.raw)
    }
}
