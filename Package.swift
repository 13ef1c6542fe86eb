// swift-tools-version: 6.2
import PackageDescription

/// Every module: Swift 6, strict memory safety, warnings are errors.
let strict: [SwiftSetting] = [
    .strictMemorySafety(),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let collections: Target.Dependency = .product(name: "DequeModule", package: "swift-collections")
let system: Target.Dependency = .product(name: "SystemPackage", package: "swift-system")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOTLS", package: "swift-nio"), .product(name: "NIOSSL", package: "swift-nio-ssl"),
]
let certificates: [Target.Dependency] = [
    .product(name: "Crypto", package: "swift-crypto"), .product(name: "X509", package: "swift-certificates"),
    .product(name: "SwiftASN1", package: "swift-asn1"),
]
let arguments: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "Masix",
    products: [
        .library(name: "Masix", targets: ["Masix"]),
        .library(name: "MasixNetwork", targets: ["MasixNetwork"]),
        .library(name: "MasixSecure", targets: ["MasixSecure"]),
        .library(name: "MasixProtocols", targets: ["MasixProtocols"]),
        .library(name: "MasixTyped", targets: ["MasixTyped"]),
        .library(name: "MasixTestKit", targets: ["MasixTestKit"]),
        .library(name: "masix-mach", type: .dynamic, targets: ["MasixMachInterface"]),
        .executable(name: "masixd", targets: ["masixd"]),
        .executable(name: "masix", targets: ["masix"]),
        .executable(name: "masix-simulate", targets: ["masix-simulate"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        // The only door to Linux: C shims, then typed wrappers.
        .target(name: "CLinux"),
        .target(name: "MasixLinux", dependencies: ["CLinux", system], path: "Sources/Linux", swiftSettings: strict),
        // Bytes <-> values, bounds-checked.
        .target(name: "MasixWire", path: "Sources/Wire", swiftSettings: strict),
        // The theory: tasks, ports, rights. Pure.
        .target(name: "MasixKernel", dependencies: ["MasixWire", collections], path: "Sources/Kernel", swiftSettings: strict),
        // What nodes say to each other, and who they are. Pure.
        .target(
            name: "MasixNetwork", dependencies: ["MasixKernel", "MasixWire", collections], path: "Sources/Network", swiftSettings: strict),
        // Who may talk to whom, and how nobody else can: tickets, sessions, signed files, policy. Pure.
        .systemLibrary(name: "CSodium", path: "Sources/CSodium"),
        .target(
            name: "MasixSecure", dependencies: ["MasixWire", "CSodium", .product(name: "Crypto", package: "swift-crypto")],
            path: "Sources/Secure", swiftSettings: strict),
        // How messages travel: the nucleus path and the links.
        .target(
            name: "MasixTransport", dependencies: ["MasixKernel", "MasixLinux", "MasixWire", collections, system],
            path: "Sources/Transport", swiftSettings: strict),
        // The one trusted process of a node.
        .target(
            name: "MasixNucleus", dependencies: ["MasixTransport", "MasixKernel", "MasixLinux", "MasixWire", collections, system, logging],
            path: "Sources/Nucleus", swiftSettings: strict),
        // What programs import.
        .target(
            name: "Masix", dependencies: ["MasixTransport", "MasixKernel", "MasixLinux", "MasixWire", collections, system],
            path: "Sources/Masix", swiftSettings: strict),
        // Calls whose requests and answers are Swift values: with Foundation's JSON, so that programs of bytes need none of it.
        .target(name: "MasixTyped", dependencies: ["Masix"], path: "Sources/Typed", swiftSettings: strict),
        // Mach's calls and names over the library: both dialects.
        .target(
            name: "MasixMach", dependencies: ["Masix", "MasixKernel", "MasixLinux", collections, system], path: "Sources/Mach",
            swiftSettings: strict),
        // Mach in C: both include roots, and what needs no port of its own.
        .target(
            name: "CMach", exclude: ["include/README.md", "include/mach3", "include/xnu"], cSettings: [.headerSearchPath("include/xnu")]),
        // Mach in C, as a shared library: the symbols of both dialects.
        .target(
            name: "MasixMachInterface", dependencies: ["CMach", "MasixMach", "Masix", "MasixKernel", "MasixLinux", system],
            path: "Sources/MachInterface", swiftSettings: strict),
        // The servers' messages and client stubs.
        .target(
            name: "MasixProtocols", dependencies: ["Masix", "MasixLinux", "MasixWire", system], path: "Sources/Protocols",
            swiftSettings: strict),
        // The servers: ordinary tasks.
        .target(
            name: "MasixSupervisor",
            dependencies: [
                "MasixProtocols", "Masix", "MasixKernel", "MasixLinux", "MasixNetwork", "MasixTransport", "MasixWire", system, logging,
            ],
            path: "Sources/Servers/Supervisor", swiftSettings: strict),
        .target(
            name: "MasixNameServer", dependencies: ["MasixProtocols", "Masix", "MasixLinux", "MasixWire", logging],
            path: "Sources/Servers/NameServer", swiftSettings: strict),
        .target(
            name: "MasixFileServer", dependencies: ["MasixProtocols", "Masix", "MasixLinux", "MasixWire", system, logging],
            path: "Sources/Servers/FileServer", swiftSettings: strict),
        .target(
            name: "MasixNetworkServer",
            dependencies: ["MasixNetwork", "MasixProtocols", "Masix", "MasixKernel", "MasixLinux", "MasixWire", system, logging] + nio
                + certificates,
            path: "Sources/Servers/NetworkServer", swiftSettings: strict),
        .target(
            name: "MasixShellServer",
            dependencies: ["MasixNetwork", "MasixProtocols", "Masix", "MasixLinux", "MasixWire", system, logging],
            path: "Sources/Servers/ShellServer", swiftSettings: strict),
        // Whole nodes in one process, one seed.
        .target(
            name: "MasixSimulator", dependencies: ["MasixKernel", "MasixLinux", "MasixTransport", "MasixWire", collections, system],
            path: "Sources/Simulator", swiftSettings: strict),
        // The names of many nodes: real name tables and network cores over a network that is a price list.
        .target(
            name: "MasixNameSimulator",
            dependencies: ["MasixNameServer", "MasixNetwork", "MasixSimulator", "Masix", "MasixKernel", "MasixWire"],
            path: "Sources/NameSimulator", swiftSettings: strict),
        // Wiring only.
        .executableTarget(
            name: "masixd",
            dependencies: [
                "MasixNucleus", "MasixSupervisor", "MasixNameServer", "MasixNetwork", "MasixNetworkServer", "MasixFileServer",
                "MasixShellServer", "MasixProtocols", "Masix", "MasixLinux", arguments,
                logging,
                system,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "masix",
            dependencies: [
                "MasixProtocols", "Masix", "MasixSupervisor", "MasixFileServer", "MasixNetwork", "MasixNetworkServer", "MasixSecure",
                "MasixTransport", "MasixKernel", "MasixLinux", "MasixWire",
                arguments, logging, system,
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "masix-simulate", dependencies: ["MasixNameSimulator", "MasixNetwork", "MasixSimulator", arguments, system],
            swiftSettings: strict),
        // Tests.
        .executableTarget(
            name: "masix-test-client", dependencies: ["MasixProtocols", "Masix"], path: "Tests/TestClient", swiftSettings: strict),
        // One thing many times, to be counted.
        .executableTarget(
            name: "masix-hot-path", dependencies: ["Masix", "MasixLinux", "MasixTestKit"], path: "Tests/HotPath", swiftSettings: strict),
        .target(
            name: "MasixTestKit",
            dependencies: ["Masix", "MasixNucleus", "MasixNameServer", "MasixProtocols", "MasixTransport", "MasixLinux", "MasixKernel"],
            path: "Tests/TestSupport", swiftSettings: strict),
        .testTarget(name: "LinuxTests", dependencies: ["MasixLinux", "CLinux", system], swiftSettings: strict),
        .testTarget(name: "WireTests", dependencies: ["MasixWire"], swiftSettings: strict),
        .testTarget(
            name: "SecureTests", dependencies: ["MasixSecure", "MasixWire", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: strict),
        .testTarget(name: "KernelTests", dependencies: ["MasixKernel", "MasixWire"], swiftSettings: strict),
        .testTarget(
            name: "TransportTests",
            dependencies: ["MasixTransport", "MasixKernel", "MasixLinux", "MasixTestKit", "MasixWire"], swiftSettings: strict),
        .testTarget(
            name: "NucleusTests",
            dependencies: ["MasixNucleus", "MasixTestKit", "MasixTransport", "MasixKernel", "MasixLinux", "MasixWire", logging, system],
            swiftSettings: strict),
        .testTarget(
            name: "MasixTests", dependencies: ["Masix", "MasixKernel", "MasixNucleus", "MasixTestKit", "MasixProtocols", "MasixLinux"],
            swiftSettings: strict),
        .testTarget(
            name: "MachTests", dependencies: ["MasixMach", "Masix", "MasixKernel", "MasixLinux", "MasixNucleus", "MasixTestKit"],
            swiftSettings: strict),
        .testTarget(name: "TypedTests", dependencies: ["MasixTyped", "Masix", "MasixTestKit"], swiftSettings: strict),
        // What every carrier must do, the program that plays it in processes of its own, and one that does what it likes.
        .target(name: "MasixStories", dependencies: ["Masix", "MasixLinux", "MasixTestKit"], path: "Tests/Stories", swiftSettings: strict),
        .executableTarget(
            name: "masix-story-player", dependencies: ["Masix", "MasixLinux", "MasixStories", "MasixTestKit"], path: "Tests/StoryPlayer",
            swiftSettings: strict),
        .executableTarget(
            name: "masix-hostile-peer", dependencies: ["MasixKernel", "MasixLinux", "MasixTransport", "MasixWire", system],
            path: "Tests/HostilePeer", swiftSettings: strict),
        .testTarget(
            name: "Conformance",
            dependencies: [
                "Masix", "MasixKernel", "MasixLinux", "MasixNameServer", "MasixNetwork", "MasixNetworkServer", "MasixNucleus",
                "MasixSimulator", "MasixStories", "MasixTestKit", "MasixTransport", "MasixWire", "masix-hostile-peer",
                "masix-story-player", logging, system,
            ] + nio, swiftSettings: strict),
        .testTarget(
            name: "NetworkTests", dependencies: ["MasixNetwork", "MasixSimulator", "MasixKernel", "MasixWire"], swiftSettings: strict),
        // A wire between two nodes that is watched, silent or cut.
        .target(name: "MasixWireRelay", dependencies: nio, path: "Tests/WireRelay", swiftSettings: strict),
        .testTarget(
            name: "NetworkServerTests",
            dependencies: [
                "MasixNetworkServer", "MasixNetwork", "Masix", "MasixTestKit", "MasixKernel", "MasixLinux", "MasixWire", "MasixWireRelay",
                logging, system,
            ] + nio
                + certificates,
            swiftSettings: strict),
        // The same calls between two nodes, with their network servers, in one process.
        .testTarget(
            name: "TwoNodes",
            dependencies: [
                "Masix", "MasixKernel", "MasixLinux", "MasixNetwork", "MasixNetworkServer", "MasixProtocols", "MasixStories",
                "MasixTestKit", "MasixTransport", "MasixWireRelay", logging,
            ], swiftSettings: strict),
        // Mach's rules as one plain value, which knows nothing of this package, and random programs that judge it.
        .target(name: "MasixReferenceModel", path: "Tests/ReferenceModel", swiftSettings: strict),
        .testTarget(
            name: "ReferenceTests",
            dependencies: [
                "MasixReferenceModel", "MasixMach", "Masix", "MasixKernel", "MasixLinux", "MasixNucleus", "MasixTestKit", "MasixTransport",
                collections,
            ], swiftSettings: strict),
        .testTarget(
            name: "Simulation", dependencies: ["MasixNameSimulator", "MasixNetwork", "MasixSimulator", "MasixKernel"], swiftSettings: strict
        ),
        .testTarget(name: "TidyTests", swiftSettings: strict),
        .testTarget(
            name: "Commands",
            dependencies: [
                "Masix", "MasixKernel", "MasixLinux", "MasixNameServer", "MasixNetwork", "MasixNetworkServer", "MasixProtocols",
                "MasixShellServer", "MasixSupervisor", "MasixTestKit", "MasixWire", "masix", "masixd", "masix-test-client", logging, system,
            ],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
