import CLinux
public import SystemPackage

/// Who connected a Unix socket (or made the pair), as Linux recorded it then.
public struct PeerCredentials: Sendable, Hashable {
    public let pid: Int32
    public let uid: UInt32
    public let gid: UInt32

    public init(pid: Int32, uid: UInt32, gid: UInt32) {
        self.pid = pid
        self.uid = uid
        self.gid = gid
    }

    public static func of(_ raw: Int32) throws(Errno) -> PeerCredentials {
        var (pid, uid, gid): (Int32, UInt32, UInt32) = (0, 0, 0)
        // The shim stores three numbers into our variables.
        _ = try systemCall(.socketOption) { unsafe masix_peer_credentials(raw, &pid, &uid, &gid) }
        return PeerCredentials(pid: pid, uid: uid, gid: gid)
    }

    /// How a peer's process descriptor was found.
    public enum Source: Sendable, Equatable {
        /// Linux named the process that connected: certain.
        case socket
        /// Opened by its number: if the process ended before, the number may mean another one.
        case number
    }

    public struct Peer: ~Copyable, Sendable {
        public var process: ProcessDescriptor
        public let source: Source

        /// The process alone.
        public consuming func relinquish() -> ProcessDescriptor { process }
    }

    /// The process at the other end. `.noSuchProcess` when it has been reaped.
    public static func processDescriptor(_ raw: Int32, features: Features = .assumed) throws(Errno) -> Peer {
        if features.peerProcessDescriptor {
            do {
                var number: Int32 = -1
                // The shim stores one number.
                _ = try systemCall(.peerProcessDescriptor) { unsafe masix_peer_pidfd(raw, &number) }
                let descriptor = Descriptor(owning: number)
                try descriptor.setCloseOnExec(true)
                return Peer(process: ProcessDescriptor(descriptor), source: .socket)
            } catch {
                // "No such option" before 6.5; a reaped process has no descriptor either (ESRCH, or ENODATA, EINVAL in some versions).
                guard error == Errno(rawValue: ENOPROTOOPT) else { throw error }
            }
        }
        return Peer(process: try ProcessDescriptor.open(pid: try of(raw).pid, features: features), source: .number)
    }
}
