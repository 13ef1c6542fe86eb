import Crypto
import MasixWire

/// `ak.sealed`: the administrator's key under a password (spec/security.md 3.3).
///
///     MSXSEAL1 kdf(1) operations(4) memoryKiB(4) salt(16) nonce(24) commitment(32) sealed seed(48)
///
/// The costs are whoever wrote the file's, so they are bounded before they are paid. The commitment makes that no file opens under two passwords.
public enum SealedAdministratorKey {
    /// What one guess costs.
    public struct Cost: Hashable, Sendable {
        public let operations: UInt32
        public let memoryKiB: UInt32

        public static let usual = Cost(operations: 3, memoryKiB: 256 * 1_024)
        public static let operationsRange: ClosedRange<UInt32> = 2...10
        public static let memoryKiBRange: ClosedRange<UInt32> = (64 * 1_024)...(1_024 * 1_024)

        public init(operations: UInt32, memoryKiB: UInt32) {
            self.operations = operations
            self.memoryKiB = memoryKiB
        }

        var isBounded: Bool { Self.operationsRange.contains(operations) && Self.memoryKiBRange.contains(memoryKiB) }
    }

    private static let magic = Array("MSXSEAL1".utf8)
    private static let argon2id: UInt8 = 1
    private static let saltBytes = 16
    private static let commitmentBytes = 32
    /// Every file has just so many.
    public static let bytes = 8 + 1 + 4 + 4 + saltBytes + 24 + commitmentBytes + AdministratorKey.seedBytes + 16

    /// Seals. Throws if the costs are out of bounds, or if there is not so much memory.
    public static func seal(
        _ key: AdministratorKey, password: [UInt8], cost: Cost = .usual, random: inout some RandomNumberGenerator
    ) throws(SecurityRefusal) -> [UInt8] {
        guard cost.isBounded else { throw SecurityRefusal(.password, "costs out of bounds") }
        var writer = WireWriter(capacity: bytes)
        writer.write(raw: magic)
        writer.write(argon2id)
        writer.write(cost.operations)
        writer.write(cost.memoryKiB)
        let salt = random.bytes(saltBytes)
        writer.write(raw: salt)
        let nonce = random.bytes(Sodium.extendedNonceBytes)
        writer.write(raw: nonce)
        let header = writer.bytes
        let keys = try keys(password: password, salt: salt, cost: cost)
        let commitment = Array(HMAC<SHA256>.authenticationCode(for: header, using: keys.commitment))
        var seed = key.seed
        defer { Sodium.wipe(&seed) }
        guard let sealed = Sodium.seal(seed, key: keys.sealing, nonce: nonce, authenticating: header + commitment) else {
            throw SecurityRefusal(.password, "the key cannot be sealed")
        }
        return header + commitment + sealed
    }

    /// Opens what is stored. A wrong password costs one guess and says nothing more than that it is wrong, or the file is not as it was.
    public static func open(_ stored: [UInt8], password: [UInt8]) throws(SecurityRefusal) -> AdministratorKey {
        let (cost, salt, nonce, header, commitment, sealed) = try read(stored)
        let keys = try keys(password: password, salt: salt, cost: cost)
        guard HMAC<SHA256>.isValidAuthenticationCode(commitment, authenticating: header, using: keys.commitment),
            var seed = Sodium.open(sealed, key: keys.sealing, nonce: nonce, authenticating: header + commitment)
        else { throw SecurityRefusal(.password, "the password is wrong, or the file is not as it was") }
        defer { Sodium.wipe(&seed) }
        return AdministratorKey(seed: seed)
    }

    /// What opening a file would cost: checked before it is paid.
    public static func cost(of stored: [UInt8]) throws(SecurityRefusal) -> Cost { try read(stored).cost }

    private static func read(
        _ stored: [UInt8]
    ) throws(SecurityRefusal) -> (
        cost: Cost, salt: [UInt8], nonce: [UInt8], header: [UInt8], commitment: [UInt8], sealed: [UInt8]
    ) {
        do throws(WireError) {
            var reader = WireReader(stored)
            guard try reader.readRaw(count: magic.count) == magic else { throw .malformed(field: "magic") }
            guard try reader.read(UInt8.self) == argon2id else { throw .malformed(field: "kdf") }
            let cost = Cost(operations: try reader.read(), memoryKiB: try reader.read())
            guard cost.isBounded else { throw .malformed(field: "cost") }
            let salt = try reader.readRaw(count: saltBytes)
            let nonce = try reader.readRaw(count: Sodium.extendedNonceBytes)
            let header = Array(stored[..<(stored.count - reader.remaining)])
            let commitment = try reader.readRaw(count: commitmentBytes)
            let sealed = try reader.readRaw(count: AdministratorKey.seedBytes + Sodium.tagBytes)
            try reader.finish()
            return (cost, salt, nonce, header, commitment, sealed)
        } catch {
            throw SecurityRefusal(error, in: "sealed key")
        }
    }

    private static func keys(
        password: [UInt8], salt: [UInt8], cost: Cost
    ) throws(SecurityRefusal) -> (sealing: SymmetricKey, commitment: SymmetricKey) {
        guard let root = Sodium.argon2id(password: password, salt: salt, operations: cost.operations, memoryKiB: cost.memoryKiB) else {
            throw SecurityRefusal(.password, "\(cost.memoryKiB / 1_024) MiB are needed to try a password, and are not there")
        }
        func derived(_ label: String) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(inputKeyMaterial: root, info: Array(label.utf8), outputByteCount: 32)
        }
        return (derived("masix/1/seal"), derived("masix/1/commit"))
    }
}
