/// Who may import whom: the picture of the architecture as a table. Dependencies point downward only.
enum ModuleGraph {
    struct Module {
        let folder: String
        /// The modules of this package that it may import.
        let own: Set<String>
        /// Modules from outside, for the folders whose outside is bounded; nil leaves it to the other checks.
        var outside: Set<String>?
    }

    /// Longest folder first, so that the first match is the right one.
    static let modules: [Module] = [
        Module(folder: "Sources/CLinux", own: [], outside: []),
        Module(folder: "Sources/Linux", own: ["CLinux"]),
        Module(folder: "Sources/Wire", own: [], outside: []),
        // Pure: no Linux, no transport, no clock, no lock, no log.
        Module(folder: "Sources/Kernel", own: ["MasixWire"], outside: ["DequeModule"]),
        // Pure too: it says what nodes mean, not how it travels.
        Module(folder: "Sources/Network", own: ["MasixKernel", "MasixWire"], outside: ["DequeModule"]),
        // Pure as well: two libraries of cryptography, and no socket, file, clock or chance.
        Module(folder: "Sources/Secure", own: ["MasixWire"], outside: ["Crypto", "CSodium"]),
        Module(folder: "Sources/Transport", own: ["MasixKernel", "MasixLinux", "MasixWire"]),
        Module(folder: "Sources/Nucleus", own: ["MasixTransport", "MasixKernel", "MasixLinux", "MasixWire"]),
        Module(folder: "Sources/Masix", own: ["MasixTransport", "MasixKernel", "MasixLinux", "MasixWire"]),
        // Of Foundation the part that is Swift alone: JSON, and no more.
        Module(folder: "Sources/Typed", own: ["Masix"], outside: ["FoundationEssentials", "Synchronization"]),
        // Names over rights, and the same for C; the C half needs nothing of ours.
        Module(folder: "Sources/CMach", own: [], outside: []),
        Module(folder: "Sources/Mach", own: ["Masix", "MasixKernel", "MasixLinux"]),
        Module(folder: "Sources/MachInterface", own: ["MasixMach", "CMach", "Masix", "MasixKernel", "MasixLinux"]),
        Module(folder: "Sources/Protocols", own: ["Masix", "MasixLinux", "MasixWire"]),
        // Servers are clients: they never import each other.
        Module(
            folder: "Sources/Servers/Supervisor",
            // The nucleus's tables are the kernel's rows, here as in the command.
            own: ["MasixNetwork", "MasixProtocols", "Masix", "MasixKernel", "MasixLinux", "MasixTransport", "MasixWire"]),
        Module(folder: "Sources/Servers/NameServer", own: ["MasixProtocols", "Masix", "MasixLinux", "MasixWire"]),
        Module(folder: "Sources/Servers/FileServer", own: ["MasixProtocols", "Masix", "MasixLinux", "MasixWire"]),
        Module(
            folder: "Sources/Servers/NetworkServer",
            own: ["MasixNetwork", "MasixProtocols", "Masix", "MasixKernel", "MasixLinux", "MasixWire"]),
        Module(
            folder: "Sources/Servers/ShellServer", own: ["MasixNetwork", "MasixProtocols", "Masix", "MasixLinux", "MasixWire"]),
        Module(
            folder: "Sources/NameSimulator",
            own: ["MasixNameServer", "MasixNetwork", "MasixSimulator", "Masix", "MasixKernel", "MasixWire"]),
        Module(folder: "Sources/Simulator", own: ["MasixKernel", "MasixLinux", "MasixTransport", "MasixWire"]),
        Module(
            folder: "Sources/masixd",
            own: [
                "MasixNucleus", "MasixSupervisor", "MasixNameServer", "MasixFileServer", "MasixNetworkServer", "MasixNetwork",
                "MasixShellServer", "MasixProtocols",
                "Masix", "MasixLinux",
            ]),
        Module(
            folder: "Sources/masix",
            // The nucleus's tables are the kernel's rows, and its queries are the transport's.
            own: [
                "MasixProtocols", "Masix", "MasixSupervisor", "MasixFileServer", "MasixTransport", "MasixKernel", "MasixLinux", "MasixWire",
                "MasixNetwork", "MasixNetworkServer", "MasixSecure",
            ]),
        Module(folder: "Sources/masix-simulate", own: ["MasixNameSimulator", "MasixNetwork", "MasixSimulator"]),
    ]

    static func isOwn(_ module: String) -> Bool { module.hasPrefix("Masix") || module == "CLinux" || module == "CMach" }
}

/// The module that a line of code imports, if it is an import.
func importedModule(_ line: String) -> String? {
    let modifiers: Set<String> = [
        "public", "package", "internal", "fileprivate", "private", "testable", "preconcurrency", "_exported", "_implementationOnly",
    ]
    let kinds: Set<String> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias", "actor"]
    let parts = words(of: line)
    guard let keyword = parts.firstIndex(of: "import"), parts[..<keyword].allSatisfy(modifiers.contains) else { return nil }
    return parts[(keyword + 1)...].first { !kinds.contains($0) }
}
