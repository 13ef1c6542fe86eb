import Glibc

extension CurrentProcess {
    /// The value of an environment variable, or nil.
    public static func environment(_ name: String) -> String? {
        // The value is copied at once; nobody in this process changes the environment while other threads run.
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(validatingCString: value)
    }

    /// All variables, as `NAME=VALUE`.
    public static var environment: [String] {
        var list: [String] = []
        // The vector ends with a null pointer.
        var next = unsafe environ
        while let entry = unsafe next.pointee {
            list.append(unsafe String(cString: entry))
            unsafe next = next.successor()
        }
        return list
    }
}
