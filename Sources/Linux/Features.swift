import CLinux

/// A part of Linux that not every version or configuration has.
public enum Feature: String, Sendable, CaseIterable {
    case peerProcessDescriptor, processDescriptor, cloneProcessDescriptor
    case memfdNoExecSeal, futureWriteSeal, wipeOnFork
    case openat2, closeRange, copyFileRange
    case seccompUserNotification

    /// What one has without it, in a sentence.
    public var loss: String {
        switch self {
        case .peerProcessDescriptor:
            "A peer is identified by its process number when it connects: if it dies at that moment, another process may be taken for it."
        case .processDescriptor: "Processes cannot be watched without confusion of numbers: nodes do not start."
        case .cloneProcessDescriptor:
            "Programs are started by fork, and their process descriptor is opened afterwards: slower, equally safe."
        case .memfdNoExecSeal: "Shared memory is protected from execution by its mode only, which its owner can change."
        case .futureWriteSeal:
            "Memory that one side writes cannot be made read-only for the other: links are off, every message goes by the nucleus."
        case .wipeOnFork: "A forked copy of a task is not recognised: it must not use its parent's ports."
        case .openat2: "The file server refuses every symbolic link, also those that stay inside its tree."
        case .closeRange: "Starting a program closes descriptors one by one: slower."
        case .copyFileRange: "Copies of files go through sendfile or memory: slower, and blocks are not shared."
        case .seccompUserNotification: "Unmodified programs cannot be run in a Masix environment."
        }
    }

    fileprivate var bit: UInt32 { 1 << UInt32(Self.allCases.firstIndex(of: self) ?? 31) }
}

/// What this machine's Linux can do, found by trying.
public struct Features: Sendable, Hashable {
    private var present: UInt32
    private var forced: UInt32
    public let kernelRelease: String
    /// Names in MASIX_WITHOUT that mean no feature.
    public let unknownNames: [String]

    /// Everything is thought to be there; wrappers find out for themselves. For callers that force nothing.
    public static let assumed = Features(present: Set(Feature.allCases), kernelRelease: "")

    /// For tests: exactly these.
    public init(present: Set<Feature>, kernelRelease: String = "") {
        self.present = present.reduce(0) { $0 | $1.bit }
        forced = 0
        self.kernelRelease = kernelRelease
        unknownNames = []
    }

    private init(found: Set<Feature>, without names: [String], kernelRelease: String) {
        present = found.reduce(0) { $0 | $1.bit }
        forced = 0
        self.kernelRelease = kernelRelease
        var unknown: [String] = []
        for name in names {
            guard let feature = Feature.allCases.first(where: { Self.plain($0.rawValue) == Self.plain(name) }) else {
                unknown.append(name)
                continue
            }
            present &= ~feature.bit
            forced |= feature.bit
        }
        unknownNames = unknown
    }

    private static func plain(_ name: String) -> String { name.lowercased().filter { $0 != "-" && $0 != "_" && $0 != " " } }

    public func contains(_ feature: Feature) -> Bool { present & feature.bit != 0 }

    /// Absent only because MASIX_WITHOUT said so.
    public func isForcedAbsent(_ feature: Feature) -> Bool { forced & feature.bit != 0 }

    /// These features without one, as if MASIX_WITHOUT named it.
    public func without(_ feature: Feature) -> Features {
        var fewer = self
        fewer.present &= ~feature.bit
        fewer.forced |= feature.bit
        return fewer
    }

    public var absent: [Feature] { Feature.allCases.filter { !contains($0) } }

    public var peerProcessDescriptor: Bool { contains(.peerProcessDescriptor) }
    public var processDescriptor: Bool { contains(.processDescriptor) }
    public var cloneProcessDescriptor: Bool { contains(.cloneProcessDescriptor) }
    public var memfdNoExecSeal: Bool { contains(.memfdNoExecSeal) }
    public var futureWriteSeal: Bool { contains(.futureWriteSeal) }
    public var wipeOnFork: Bool { contains(.wipeOnFork) }
    public var openat2: Bool { contains(.openat2) }
    public var closeRange: Bool { contains(.closeRange) }
    public var copyFileRange: Bool { contains(.copyFileRange) }
    public var seccompUserNotification: Bool { contains(.seccompUserNotification) }

    /// Tries everything once. `MASIX_WITHOUT=name,name` in `environment` forces absence; case, `-` and `_` in names do not matter.
    public static func detect(environment: [String: String]) -> Features {
        let names = (environment["MASIX_WITHOUT"] ?? "").split(separator: ",").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
        return Features(found: Set(Feature.allCases.filter(isThere)), without: names, kernelRelease: release())
    }

    private static func release() -> String {
        var text = [CChar](repeating: 0, count: 128)
        // The array has room for the capacity given.
        guard unsafe masix_kernel_release(&text, 128) >= 0 else { return "unknown" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func isThere(_ feature: Feature) -> Bool {
        switch feature {
        case .peerProcessDescriptor:
            guard let pair = try? MessageSocket.pair() else { return false }
            var number: Int32 = -1
            // The shim stores one number.
            guard unsafe masix_peer_pidfd(pair.first.raw, &number) >= 0 else { return false }
            _ = masix_close(number)
            return true
        case .processDescriptor: return closes(masix_pidfd_open(masix_getpid()))
        // A call without arguments: refused as such where it exists.
        case .cloneProcessDescriptor: return masix_clone3_probe() == -Int(EINVAL)
        case .memfdNoExecSeal:
            // A constant C string.
            return closes(unsafe masix_memfd_create("probe", UInt32(MASIX_MFD_CLOEXEC) | UInt32(MASIX_MFD_NOEXEC_SEAL)))
        case .futureWriteSeal:
            guard let file = try? MemoryFile.create(name: "probe", size: 0) else { return false }
            return masix_add_seals(file.raw, Seals.futureWrite.rawValue) >= 0
        case .wipeOnFork: return (try? ForkWord()) != nil
        // A constant C string.
        case .openat2: return closes(unsafe masix_openat2(AT_FDCWD, ".", UInt64(O_DIRECTORY), 0, 0x08))
        // An empty range far above all: changes nothing.
        case .closeRange: return masix_close_range(.max, .max, UInt32(MASIX_CLOSE_RANGE_CLOEXEC)) >= 0
        // Bad descriptors: refused as such where it exists.
        case .copyFileRange: return masix_copy_file_range(-1, 0, -1, 0, 1) == -Int(EBADF)
        case .seccompUserNotification: return masix_seccomp_notification_sizes() >= 0
        }
    }

    private static func closes(_ result: Int) -> Bool {
        guard result >= 0 else { return false }
        _ = masix_close(Int32(result))
        return true
    }
}
