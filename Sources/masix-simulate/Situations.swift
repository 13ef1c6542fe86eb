import SystemPackage

/// Writes lines to a file, sorted.
func write(_ lines: Set<String>, to path: String) throws {
    let file = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead, .otherRead])
    try file.closeAfter { _ = try file.writeAll(lines.sorted().joined(separator: "\n").utf8 + Array("\n".utf8)) }
}
