import Foundation
import Glibc
import Masix
import MasixLinux
import MasixProtocols
import SystemPackage
import Testing

extension Nodes {
    /// The systemd unit: read by systemd's own checker, and its command line run.
    @Suite struct UnitFile {
        private static let path = #filePath.components(separatedBy: "/Tests/")[0] + "/packaging/masix.service"

        private func text() throws -> String { String(decoding: try File.contents(of: Self.path, max: 1 << 16), as: UTF8.self) }

        private func value(_ key: String) throws -> String {
            let line = try #require(try text().split(separator: "\n").first { $0.hasPrefix(key + "=") })
            return String(line.dropFirst(key.utf8.count + 1))
        }

        @Test func systemdFindsNothingWrong() throws {
            let checker = "/usr/bin/systemd-analyze"
            try #require((try? File.status(checker)) != nil, "install systemd: Scripts/install-dependencies")
            let directory = try NodeProcess.newDirectory()
            try Directory.make(directory)
            defer { try? Directory.removeAll(directory) }
            // The program is not installed here: the one that was built stands in for it.
            func verdict(_ text: String) throws -> (String, MasixLinux.ExitStatus?) {
                let opened = try File.open(directory + "/masix.service", [.write, .create, .truncate])
                try opened.writeAll(Array(text.utf8))
                return try outcome(checker, ["verify", "--man=no", directory + "/masix.service"])
            }
            let good = try text().replacing("/usr/bin/masixd", with: NodeProcess.masixd)
            let (words, status) = try verdict(good)
            #expect(status == .exited(code: 0) && words.isEmpty, "\(words)")
            // It would say so.
            let (complaint, _) = try verdict(good.replacing("Type=notify", with: "Type=notfy"))
            #expect(complaint.contains("notfy"))
        }

        @Test func itsCommandRunsANode() throws {
            let words = try value("ExecStart").split(separator: " ").map { String($0) }
            #expect(words.first == "/usr/bin/masixd")
            let directory = try NodeProcess.newDirectory()
            try Directory.make(directory)
            defer { try? Directory.removeAll(directory) }
            let places = ["/usr/bin/masixd": NodeProcess.masixd, "/run/masix": directory + "/run", "/var/lib/masix": directory + "/state"]
            let command = words.map { places[$0] ?? $0 }
            #expect(Set(words).isSuperset(of: places.keys))

            let systemd = try NotificationSocket(path: directory + "/notify")
            var launch = Launch(command[0], arguments: command, environment: ["NOTIFY_SOCKET=\(directory)/notify"])
            launch.newSession = true
            let child = try launch.start()
            #expect(try systemd.next() == "READY=1\nSTATUS=serving in \(directory)/run")
            let status = try SupervisorClient(Space.attach(directory: directory + "/run")).status()
            #expect(status.directory == directory + "/run")
            #expect(try Directory.entries(of: directory + "/state").map(\.name) == ["node.json", "node.lock", "node.log"])
            #expect(try Directory.entries(of: directory + "/run").map(\.name) == ["node.lock", "node.socket"])
            // What ExecReload does.
            #expect(try value("ExecReload") == "/bin/kill -HUP $MAINPID")
            try child.process.sendSignal(Signal.hangUp)
            try child.process.sendSignal(Signal.terminate)
            #expect(try systemd.next() == "STOPPING=1\nSTATUS=stopping")
            #expect(try child.process.wait() == .exited(code: 0))
        }
    }
}

/// Where systemd would listen.
private final class NotificationSocket {
    private let raw: Int32

    init(path: String) throws {
        raw = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        try #require(raw >= 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        try #require(path.utf8.count < 108)
        // The path and its end fit into the address, which lives over the call.
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: Array(path.utf8)) }
        let bound = unsafe withUnsafeBytes(of: &address) {
            unsafe bind(raw, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
        try #require(bound == 0)
    }

    deinit { close(raw) }

    /// The next datagram, waited for ten seconds.
    func next() throws -> String {
        try #require(try Ready.poll(raw, for: .readable, timeoutNanoseconds: 10_000_000_000))
        return String(decoding: try Descriptor.readBytes(from: raw, max: 4096), as: UTF8.self)
    }
}
