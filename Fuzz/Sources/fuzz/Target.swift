import MasixLinux
import MasixWire
import SystemPackage

/// One thing that is fed with bytes that nobody should send.
struct Target: Sendable {
    let name: String
    /// Its part of all executions, in thousandths.
    let share: Int
    /// Bytes of the longest input.
    let longest: Int
    /// Real encodings, from which the fuzzer goes on.
    let seeds: @Sendable () -> [[UInt8]]
    let feed: @Sendable ([UInt8]) -> Void

    static let all: [Target] = [
        .kernelSocket, .keeperSocket, .kernel, .snapshot, .journal, .link, .names, .supervisor, .files, .stream, .configuration, .roster,
        .channel, .network, .secureMessages, .secureFiles, .secureTexts, .secureRecords, .secureSession,
    ]

    /// Several decoders behind one target: the first byte of an input says which.
    static func decoders(_ name: String, share: Int, longest: Int = 4_096, _ decoders: [Decoder]) -> Target {
        Target(
            name: name, share: share, longest: longest,
            seeds: { decoders.enumerated().flatMap { number, decoder in decoder.seeds.map { [UInt8(number)] + $0 } } },
            feed: { bytes in
                guard let first = bytes.first else { return }
                decoders[Int(first) % decoders.count].feed(Array(bytes.dropFirst()))
            })
    }

    static func writeSeeds(below place: String) throws(Errno) {
        for target in all {
            let directory = place + "/" + target.name
            try Directory.makeAll(directory, mode: 0o755)
            for (number, seed) in target.seeds().enumerated() {
                let file = try File.open(directory + "/seed-\(number)", [.write, .create, .truncate])
                try file.writeAll(seed)
            }
        }
    }
}

/// A type that is read from untrusted bytes, as a property to be tried.
struct Decoder: Sendable {
    let seeds: [[UInt8]]
    let feed: @Sendable ([UInt8]) -> Void

    /// What decodes is encoded to the same bytes: there is one way to say each thing.
    static func exact<Value: WireCodable & Sendable>(
        _ seeds: [Value], then look: @escaping @Sendable (Value) -> Void = { _ in }
    ) -> Decoder {
        Decoder(seeds: seeds.map(\.wireBytes)) { bytes in
            guard let value = decoded(Value.self, bytes) else { return }
            require(value.wireBytes == bytes, "other bytes come back")
            look(value)
        }
    }

    /// What decodes is encoded to bytes that decode to the same: for values that can be said in several ways.
    static func same<Value: WireCodable & Equatable & Sendable>(
        _ seeds: [Value], then look: @escaping @Sendable (Value) -> Void = { _ in }
    ) -> Decoder {
        Decoder(seeds: seeds.map(\.wireBytes)) { bytes in
            guard let value = decoded(Value.self, bytes) else { return }
            require(decoded(Value.self, value.wireBytes) == value, "another value comes back")
            look(value)
        }
    }
}

func decoded<Value: WireDecodable>(_ type: Value.Type, _ bytes: [UInt8]) -> Value? {
    do throws(WireError) {
        return try Value(wireBytes: bytes)
    } catch {
        // Refusing is what most inputs deserve.
        return nil
    }
}

/// What must hold for every input; else the input is a finding.
func require(_ condition: Bool, _ complaint: @autoclosure () -> String) {
    if !condition { fatalError(complaint()) }
}
