/// A path that may do what others may not, and why. Adding a line here is the only way to widen a rule, so that a reviewer sees it.
struct Exemption: Sendable {
    let path: String
    let why: String
}

extension Exemption {
    /// Who may write `unsafe`.
    static let unsafe: [Exemption] = [
        Exemption(path: "Sources/Linux", why: "the door to system calls and mapped memory"),
        Exemption(path: "Sources/Secure/Sodium.swift", why: "the door to libsodium"),
        Exemption(path: "Sources/Transport", why: "frames and words in memory that is shared with a peer"),
        Exemption(path: "Sources/Nucleus", why: "home-queue memory, the journal and the control memory of every task are mapped there"),
    ]

    /// Who may import the C library or our own shims over it.
    static let cLibrary: [Exemption] = [
        Exemption(path: "Sources/Linux", why: "the only door to Linux")
    ]

    /// Who may import Foundation, of what is under `Sources`.
    static let foundation: [Exemption] = [
        Exemption(path: "Sources/masix", why: "the command: JSON and the formatting of numbers"),
        Exemption(path: "Sources/Typed", why: "Codable values are written and read as JSON"),
        Exemption(path: "Sources/masixd", why: "wiring: it reads configuration before it becomes a role"),
        Exemption(path: "Sources/Servers/Supervisor", why: "reads configuration files"),
        Exemption(path: "Sources/Servers/NetworkServer/NodeKey.swift", why: "a certificate has two dates, and its library takes them so"),
    ]
}
