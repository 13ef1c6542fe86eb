import MasixKernel
import MasixLinux
import Synchronization

/// Send rights that are given up together: one word to the nucleus for all of them, not one for each.
///
/// For whoever gets rights by the hundred and has no use for them at the same moment, such as a client that has opened many files with one
/// call. Each can be used, and given up, by itself too: by a copy.
public struct SendRights: ~Copyable, Sendable {
    private var references: [SendReference] = []

    /// None yet.
    public init() {}

    /// How many rights these are.
    public var count: Int { references.count }

    /// One more.
    public mutating func append(_ right: consuming SendRight) { references.append(right.reference) }

    /// Another value for one of the rights (one more user reference, N3).
    public func copy(at index: Int) -> SendRight { SendRight(references[index].copy()) }

    /// Gives all of them up now, as letting the value go does.
    public consuming func close() {}

    deinit {
        var rest = references[...]
        while let space = rest.first?.space {
            // All of one space in nearly every case; the library does not forbid another.
            let end = rest.firstIndex { $0.space !== space } ?? rest.endIndex
            let together = rest[..<end]
            for reference in together { reference.give() }
            space.drop(together.map(\.entry))
            rest = rest[end...]
        }
    }
}

extension Space {
    /// User references are let go. Where they are the last, the kernel's entries are given up together.
    func drop(_ entries: [SendEntry]) {
        guard fork.isAlive else { return }
        let last = entries.filter {
            $0.references.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 && !dropLocally($0)
        }
        guard !last.isEmpty else { return }
        whatever { core throws(MasixError) in
            // They may have arrived once more meanwhile.
            let gone = last.filter { $0.references.load(ordering: .acquiring) == 0 && core.sends[$0.port] === $0 }
            for entry in gone { core.sends[entry.port] = nil }
            _ = try core.ask(several: gone.map { .drop(.send($0.port)) })
        }
    }
}
