import CSodium
import Crypto

/// The one door to libsodium, which has what swift-crypto lacks: AES-GCM with an expanded key, XChaCha20-Poly1305, Argon2id and ristretto255.
///
/// Lengths are checked here, so that no caller can make the library read or write past an array.
enum Sodium {
    /// Whether the library has chosen its implementations; without it nothing here works, and everything fails closed.
    static let isReady = sodium_init() >= 0

    static let tagBytes = 16

    // MARK: - XChaCha20-Poly1305, for messages that are sealed once

    static let extendedNonceBytes = 24

    /// Ciphertext and tag. `nonce` has 24 bytes.
    static func seal(_ plain: [UInt8], key: SymmetricKey, nonce: [UInt8], authenticating header: [UInt8]) -> [UInt8]? {
        guard isReady, key.bitCount == 256, nonce.count == extendedNonceBytes else { return nil }
        var sealed = [UInt8](repeating: 0, count: plain.count + tagBytes)
        let status = unsafe withBytes(of: key) { key in
            unsafe crypto_aead_xchacha20poly1305_ietf_encrypt(
                &sealed, nil, plain, UInt64(plain.count), header, UInt64(header.count), nil, nonce, key)
        }
        return status == 0 ? sealed : nil
    }

    /// What was sealed, or nil if anything about it is not as it was.
    static func open(_ sealed: [UInt8], key: SymmetricKey, nonce: [UInt8], authenticating header: [UInt8]) -> [UInt8]? {
        guard isReady, key.bitCount == 256, nonce.count == extendedNonceBytes, sealed.count >= tagBytes else { return nil }
        var plain = [UInt8](repeating: 0, count: sealed.count - tagBytes)
        let status = unsafe withBytes(of: key) { key in
            unsafe crypto_aead_xchacha20poly1305_ietf_decrypt(
                &plain, nil, nil, sealed, UInt64(sealed.count), header, UInt64(header.count), nonce, key)
        }
        return status == 0 ? plain : nil
    }

    // MARK: - ChaCha20-Poly1305, for records

    /// Encrypts what stands from `start` on where it stands, and appends the tag.
    static func sealChaCha(
        _ buffer: inout [UInt8], from start: Int, key: SymmetricKey, nonce: RecordNonce, authenticating header: [UInt8]
    ) -> Bool {
        guard isReady, key.bitCount == 256 else { return false }
        return unsafe seal(&buffer, from: start, nonce: nonce) { place, count, nonce in
            unsafe withBytes(of: key) { key in
                unsafe crypto_aead_chacha20poly1305_ietf_encrypt(
                    place, nil, place, count, header, UInt64(header.count), nil, nonce, key)
            }
        }
    }

    /// Decrypts what stands from `start` on where it stands, and takes the tag away.
    static func openChaCha(
        _ buffer: inout [UInt8], from start: Int, key: SymmetricKey, nonce: RecordNonce, authenticating header: [UInt8]
    ) -> Bool {
        guard isReady, key.bitCount == 256 else { return false }
        return unsafe open(&buffer, from: start, nonce: nonce) { place, count, nonce in
            unsafe withBytes(of: key) { key in
                unsafe crypto_aead_chacha20poly1305_ietf_decrypt(
                    place, nil, nil, place, count, header, UInt64(header.count), nonce, key)
            }
        }
    }

    // MARK: - Passwords

    /// Argon2id, version 1.3: 32 bytes. Nil if there is not so much memory. `salt` has 16 bytes; the caller has bounded the costs.
    static func argon2id(password: [UInt8], salt: [UInt8], operations: UInt32, memoryKiB: UInt32) -> SymmetricKey? {
        guard isReady, salt.count == Int(crypto_pwhash_SALTBYTES) else { return nil }
        var key = [UInt8](repeating: 0, count: 32)
        let signed = password.map { CChar(bitPattern: $0) }
        let status = unsafe crypto_pwhash(
            &key, UInt64(key.count), signed, UInt64(signed.count), salt, UInt64(operations), Int(memoryKiB) * 1_024,
            crypto_pwhash_ALG_ARGON2ID13)
        defer { wipe(&key) }
        return status == 0 ? SymmetricKey(data: key) : nil
    }

    // MARK: - ristretto255

    static let elementBytes = 32

    /// A group element from 64 bytes of a hash.
    static func element(fromHash hash: [UInt8]) -> [UInt8]? {
        guard isReady, hash.count == Int(crypto_core_ristretto255_HASHBYTES) else { return nil }
        var element = [UInt8](repeating: 0, count: elementBytes)
        return unsafe crypto_core_ristretto255_from_hash(&element, hash) == 0 ? element : nil
    }

    /// A scalar from 64 bytes of chance, as good as uniform.
    static func scalar(from chance: [UInt8]) -> [UInt8]? {
        guard isReady, chance.count == Int(crypto_core_ristretto255_NONREDUCEDSCALARBYTES) else { return nil }
        var scalar = [UInt8](repeating: 0, count: elementBytes)
        unsafe crypto_core_ristretto255_scalar_reduce(&scalar, chance)
        return scalar
    }

    /// The product, or nil if the bytes are no element or the product is the neutral one.
    static func multiply(_ scalar: [UInt8], _ element: [UInt8]) -> [UInt8]? {
        guard isReady, scalar.count == elementBytes, element.count == elementBytes else { return nil }
        var product = [UInt8](repeating: 0, count: elementBytes)
        return unsafe crypto_scalarmult_ristretto255(&product, scalar, element) == 0 ? product : nil
    }

    // MARK: - Secrets

    /// A copy of a key's bytes; whoever takes it wipes it.
    static func bytes(of key: SymmetricKey) -> [UInt8] { unsafe key.withUnsafeBytes { unsafe Array($0) } }

    /// Overwrites the bytes, which the compiler may not leave out.
    static func wipe(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        unsafe sodium_memzero(&bytes, bytes.count)
    }

    // MARK: - Places in memory

    @unsafe private static func withBytes(of key: SymmetricKey, _ body: (UnsafePointer<UInt8>) -> CInt) -> CInt {
        unsafe key.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return -1 }
            return unsafe body(start.assumingMemoryBound(to: UInt8.self))
        }
    }

    /// Makes room for the tag, and encrypts in place.
    @inline(__always) @unsafe fileprivate static func seal(
        _ buffer: inout [UInt8], from start: Int, nonce: RecordNonce,
        _ body: (UnsafeMutablePointer<UInt8>, UInt64, UnsafePointer<UInt8>) -> CInt
    ) -> Bool {
        guard start >= 0, start <= buffer.count else { return false }
        let count = buffer.count - start
        buffer.append(contentsOf: repeatElement(0, count: tagBytes))
        return unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return false }
            return unsafe nonce.withBytes { unsafe body(base + start, UInt64(count), $0) } == 0
        }
    }

    /// Decrypts in place, and takes the tag away.
    @inline(__always) @unsafe fileprivate static func open(
        _ buffer: inout [UInt8], from start: Int, nonce: RecordNonce,
        _ body: (UnsafeMutablePointer<UInt8>, UInt64, UnsafePointer<UInt8>) -> CInt
    ) -> Bool {
        guard start >= 0, buffer.count - start >= tagBytes else { return false }
        let count = buffer.count - start
        let isRight = unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return false }
            return unsafe nonce.withBytes { unsafe body(base + start, UInt64(count), $0) } == 0
        }
        buffer.removeLast(tagBytes)
        return isRight
    }
}

/// The nonce of a record: four zero bytes and the counter, in the order of the suite (Noise, section 12).
struct RecordNonce {
    private let words: (UInt32, UInt32, UInt32)

    init(_ counter: UInt64, of suite: Suite) {
        let (high, low) = (UInt32(counter >> 32), UInt32(truncatingIfNeeded: counter))
        words = suite == .aes256gcm ? (0, high.bigEndian, low.bigEndian) : (0, low.littleEndian, high.littleEndian)
    }

    /// The twelve bytes, as long as `body` runs.
    @inline(__always) @unsafe func withBytes(_ body: (UnsafePointer<UInt8>) -> CInt) -> CInt {
        unsafe withUnsafeBytes(of: words) { words in
            guard let start = words.baseAddress else { return -1 }
            return unsafe body(start.assumingMemoryBound(to: UInt8.self))
        }
    }

    var bytes: [UInt8] { unsafe withUnsafeBytes(of: words) { unsafe Array($0) } }
}

/// An AES-256 key that is expanded once, for many small records. Overwritten when nobody has it any more.
@safe
final class ExpandedKey: @unchecked Sendable {
    // Written by `init` and `deinit` alone.
    private let state: UnsafeMutablePointer<crypto_aead_aes256gcm_state>

    /// Nil where the processor has no instructions for it.
    init?(_ key: SymmetricKey) {
        guard Sodium.isReady, crypto_aead_aes256gcm_is_available() == 1, key.bitCount == 256 else { return nil }
        unsafe state = .allocate(capacity: 1)
        unsafe state.initialize(to: crypto_aead_aes256gcm_state())
        var bytes = Sodium.bytes(of: key)
        defer { Sodium.wipe(&bytes) }
        let status = unsafe crypto_aead_aes256gcm_beforenm(state, bytes)
        precondition(status == 0, "expanding a key does not fail")
    }

    deinit {
        unsafe sodium_memzero(state, MemoryLayout<crypto_aead_aes256gcm_state>.size)
        unsafe state.deallocate()
    }

    /// Encrypts what stands from `start` on where it stands, and appends the tag.
    func seal(_ buffer: inout [UInt8], from start: Int, nonce: RecordNonce, authenticating header: [UInt8]) -> Bool {
        unsafe Sodium.seal(&buffer, from: start, nonce: nonce) { place, count, nonce in
            unsafe crypto_aead_aes256gcm_encrypt_afternm(place, nil, place, count, header, UInt64(header.count), nil, nonce, state)
        }
    }

    /// Decrypts what stands from `start` on where it stands, and takes the tag away.
    func open(_ buffer: inout [UInt8], from start: Int, nonce: RecordNonce, authenticating header: [UInt8]) -> Bool {
        unsafe Sodium.open(&buffer, from: start, nonce: nonce) { place, count, nonce in
            unsafe crypto_aead_aes256gcm_decrypt_afternm(place, nil, nil, place, count, header, UInt64(header.count), nonce, state)
        }
    }
}
