import MasixLinux

/// Where nodes of tests write down what situations their kernels meet, if whoever runs the tests wants to know: the variable
/// MASIX_SITUATIONS names a directory, and each node has a file there.
public enum SituationsFile {
    /// A path that no other node has; nil if nobody wants to know.
    public static var next: String? {
        unique.map { "\($0.directory)/\($0.name)" }
    }

    /// The same for a node of which a model says, step by step, whether it does right: as good a witness as the simulator's.
    public static var judged: String? {
        unique.map { "\($0.directory)/../modelled-\($0.name)" }
    }

    private static var unique: (directory: String, name: String)? {
        guard let directory = CurrentProcess.environment("MASIX_SITUATIONS"), let number = try? RandomBytes.uint64() else { return nil }
        return (directory, "\(CurrentProcess.pid)-\(number)")
    }
}
