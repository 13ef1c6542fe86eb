import Crypto

/// A key of one of the two suites, made ready for use. The same bytes come out whichever library seals them.
struct CipherKey: Sendable {
    let suite: Suite
    private let key: SymmetricKey
    /// For small records; nil for the other suite, and where the processor has no instructions for AES.
    private let expanded: ExpandedKey?

    static let tagBytes = Sodium.tagBytes

    /// From so many bytes on swift-crypto is quicker than libsodium with an expanded key: it pays a fixed price for each call, and less for
    /// each byte (`Benchmarks/README.md`, sealed records).
    static let largeBytes = 2_048

    /// `key` has 32 bytes.
    init(_ key: SymmetricKey, suite: Suite) {
        precondition(key.bitCount == 256, "keys of both suites have 256 bits")
        self.key = key
        self.suite = suite
        expanded = suite == .aes256gcm ? ExpandedKey(key) : nil
    }

    /// Encrypts what stands from `start` on where it stands, and appends the tag.
    func seal(_ buffer: inout [UInt8], from start: Int, counter: UInt64, authenticating header: [UInt8]) -> Bool {
        let nonce = RecordNonce(counter, of: suite)
        let count = buffer.count - start
        if let expanded, count < Self.largeBytes { return expanded.seal(&buffer, from: start, nonce: nonce, authenticating: header) }
        if suite == .chaCha20Poly1305, count < Self.largeBytes {
            return Sodium.sealChaCha(&buffer, from: start, key: key, nonce: nonce, authenticating: header)
        }
        guard let (ciphertext, tag) = sealLarge(buffer[start...], nonce: nonce, authenticating: header) else { return false }
        buffer.replaceSubrange(start..., with: ciphertext)
        buffer.append(contentsOf: tag)
        return true
    }

    /// Decrypts what stands from `start` on where it stands, and takes the tag away. What is there after a failure is of no use.
    func open(_ buffer: inout [UInt8], from start: Int, counter: UInt64, authenticating header: [UInt8]) -> Bool {
        let nonce = RecordNonce(counter, of: suite)
        let count = buffer.count - start - Self.tagBytes
        guard count >= 0 else { return false }
        if let expanded, count < Self.largeBytes { return expanded.open(&buffer, from: start, nonce: nonce, authenticating: header) }
        if suite == .chaCha20Poly1305, count < Self.largeBytes {
            return Sodium.openChaCha(&buffer, from: start, key: key, nonce: nonce, authenticating: header)
        }
        guard let plain = openLarge(buffer[start...], nonce: nonce, authenticating: header) else { return false }
        buffer.replaceSubrange(start..., with: plain)
        return true
    }

    private func sealLarge(_ plain: ArraySlice<UInt8>, nonce: RecordNonce, authenticating header: [UInt8]) -> ([UInt8], [UInt8])? {
        // Nothing here fails but for lengths, which are right.
        switch suite {
        case .aes256gcm:
            guard let nonce = try? AES.GCM.Nonce(data: nonce.bytes),
                let box = try? AES.GCM.seal(plain, using: key, nonce: nonce, authenticating: header)
            else { return nil }
            return (Array(box.ciphertext), Array(box.tag))
        case .chaCha20Poly1305:
            guard let nonce = try? ChaChaPoly.Nonce(data: nonce.bytes),
                let box = try? ChaChaPoly.seal(plain, using: key, nonce: nonce, authenticating: header)
            else { return nil }
            return (Array(box.ciphertext), Array(box.tag))
        }
    }

    private func openLarge(_ sealed: ArraySlice<UInt8>, nonce: RecordNonce, authenticating header: [UInt8]) -> [UInt8]? {
        let (ciphertext, tag) = (sealed.dropLast(Self.tagBytes), sealed.suffix(Self.tagBytes))
        switch suite {
        case .aes256gcm:
            guard let nonce = try? AES.GCM.Nonce(data: nonce.bytes),
                let box = try? AES.GCM.SealedBox(nonce: nonce, ciphertext: ciphertext, tag: tag),
                let plain = try? AES.GCM.open(box, using: key, authenticating: header)
            else { return nil }
            return Array(plain)
        case .chaCha20Poly1305:
            guard let nonce = try? ChaChaPoly.Nonce(data: nonce.bytes),
                let box = try? ChaChaPoly.SealedBox(nonce: nonce, ciphertext: ciphertext, tag: tag),
                let plain = try? ChaChaPoly.open(box, using: key, authenticating: header)
            else { return nil }
            return Array(plain)
        }
    }

    /// The key that takes this one's place: Noise's REKEY, from which nobody finds the way back.
    func rekeyed() -> CipherKey {
        var bytes = [UInt8](repeating: 0, count: 32)
        let isSealed = seal(&bytes, from: 0, counter: .max, authenticating: [])
        precondition(isSealed, "sealing 32 bytes does not fail")
        defer { Sodium.wipe(&bytes) }
        return CipherKey(SymmetricKey(data: bytes[..<32]), suite: suite)
    }
}
