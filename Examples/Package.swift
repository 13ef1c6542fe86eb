// swift-tools-version: 6.2
import PackageDescription

// A package of its own, which knows the library as any other program does: by its path or address.
let masix: Target.Dependency = .product(name: "Masix", package: "Masix")
let typed: Target.Dependency = .product(name: "MasixTyped", package: "Masix")

let package = Package(
    name: "MasixExamples",
    dependencies: [.package(name: "Masix", path: "..")],
    targets: [
        .executableTarget(name: "hello-server", dependencies: [masix]),
        .executableTarget(name: "hello-client", dependencies: [masix]),
        .executableTarget(name: "file-walk", dependencies: [masix, .product(name: "MasixProtocols", package: "Masix")]),
        .executableTarget(name: "notifications", dependencies: [masix]),
        .executableTarget(name: "guides", dependencies: [masix, typed]),
        .target(name: "PhoneBook", dependencies: [masix, typed]),
        .executableTarget(name: "phone-book", dependencies: ["PhoneBook", masix, typed]),
        .testTarget(
            name: "PhoneBookTests", dependencies: ["PhoneBook", masix, typed, .product(name: "MasixTestKit", package: "Masix")]),
        .executableTarget(name: "poll-loop", dependencies: [masix]),
    ],
    swiftLanguageModes: [.v6]
)
