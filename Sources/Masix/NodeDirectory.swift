import MasixLinux
import Synchronization

/// Where a node keeps its socket and its files.
public enum NodeDirectory {
    /// The name of the socket in the node's directory.
    public static let socketName = "node.socket"
    /// The variable that names the node's directory.
    public static let variable = "MASIX_NODE"
    /// The variable by which the supervisor tells a program that it starts which descriptor its kernel socket is.
    public static let socketVariable = "MASIX_SOCKET"

    /// The directory in use: the argument, else `MASIX_NODE`, else `/run/masix` for root, else `masix` in the user's run-time directory,
    /// else in `/tmp` under the user's number.
    public static func path(_ directory: String? = nil) -> String {
        if let directory { return directory }
        if let named = CurrentProcess.environment(variable), !named.isEmpty { return named }
        if CurrentProcess.uid == 0 { return "/run/masix" }
        if let runtime = CurrentProcess.environment("XDG_RUNTIME_DIR"), !runtime.isEmpty { return runtime + "/masix" }
        return "/tmp/masix-\(CurrentProcess.uid)"
    }

    static func socketPath(in directory: String?) -> String { path(directory) + "/" + socketName }

    /// The kernel socket that this program was started with, once.
    static func takeInheritedSocket() -> Descriptor? {
        guard let text = CurrentProcess.environment(socketVariable), let raw = Int32(text), raw > 2,
            !isInheritedTaken.exchange(true, ordering: .relaxed)
        else { return nil }
        return Descriptor(owning: raw)
    }

    private static let isInheritedTaken = Atomic<Bool>(false)
}
