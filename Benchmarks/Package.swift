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

/// XNU's dialect of the C interface.
let headers = "\(Context.packageDirectory)/../Sources/CMach/include/xnu"

let package = Package(
    name: "Benchmarks",
    products: [.executable(name: "bench", targets: ["bench"])],
    dependencies: [
        .package(name: "Masix", path: ".."),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    ],
    targets: [
        // What the machine itself can do, in two C processes.
        .target(name: "CFloors", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])]),
        // How anything is measured: contenders, interleaved rounds, rows, thresholds. Knows nothing of Masix.
        .target(name: "Measure", dependencies: ["CFloors"], swiftSettings: strict),
        // The floors as contenders, and which floor each case is compared with.
        .target(name: "Floors", dependencies: ["CFloors", "Measure"], swiftSettings: strict),
        // Wiring only.
        .executableTarget(
            name: "bench",
            dependencies: [
                "CFloors", "Floors", "Measure", .product(name: "Masix", package: "Masix"),
                .product(name: "MasixProtocols", package: "Masix"),
                .product(name: "MasixTestKit", package: "Masix"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        // Both sides of a null call in C.
        .executableTarget(
            name: "mach-call", dependencies: [.product(name: "masix-mach", package: "Masix")],
            cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror", "-I", headers])]),
        .testTarget(name: "MeasureTests", dependencies: ["Measure"], swiftSettings: strict),
        .testTarget(name: "FloorsTests", dependencies: ["Floors", "Measure", "CFloors"], swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)
