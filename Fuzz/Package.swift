// swift-tools-version: 6.2
import PackageDescription

// Built by `Fuzz/run` with `--sanitize=fuzzer`, so that the modules of Masix are instrumented too.
let package = Package(
    name: "Fuzz",
    products: [.executable(name: "fuzz", targets: ["fuzz"])],
    dependencies: [.package(name: "Masix", path: "..")],
    targets: [
        .executableTarget(
            name: "fuzz",
            dependencies: [
                .product(name: "Masix", package: "Masix"), .product(name: "MasixNetwork", package: "Masix"),
                .product(name: "MasixProtocols", package: "Masix"), .product(name: "MasixSecure", package: "Masix"),
            ],
            swiftSettings: [
                .strictMemorySafety(),
                .treatAllWarnings(as: .error),
                .enableUpcomingFeature("ExistentialAny"),
                .enableUpcomingFeature("InternalImportsByDefault"),
                .enableUpcomingFeature("MemberImportVisibility"),
                // The fuzzer brings `main`.
                .unsafeFlags(["-parse-as-library"]),
            ])
    ],
    swiftLanguageModes: [.v6]
)
