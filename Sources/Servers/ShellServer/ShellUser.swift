import MasixLinux
import SystemPackage

/// A user of this machine, as far as a shell needs to know.
struct ShellUser: Hashable, Sendable {
    let uid: UInt32
    let gid: UInt32
    let name: String
    let home: String
    let shell: String

    /// `passwords` is the text of `/etc/passwd`. A number without a name has a shell all the same, at the root of all files.
    init(uid: UInt32, passwords: String) {
        self.uid = uid
        for line in passwords.split(separator: "\n") {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 7, UInt32(fields[2]) == uid, let gid = UInt32(fields[3]) else { continue }
            self.gid = gid
            name = fields[0]
            home = fields[5].hasPrefix("/") ? fields[5] : "/"
            shell = fields[6].hasPrefix("/") ? fields[6] : "/bin/sh"
            return
        }
        gid = uid
        name = "\(uid)"
        home = "/"
        shell = "/bin/sh"
    }

    static func find(_ uid: UInt32) -> ShellUser {
        let passwords: [UInt8]
        do throws(Errno) {
            passwords = try File.contents(of: "/etc/passwd", max: 4 << 20)
        } catch {
            // A system without such a file has no names for users either.
            passwords = []
        }
        return ShellUser(uid: uid, passwords: String(decoding: passwords, as: UTF8.self))
    }

    /// The user's shell as at a log-in, or running this command.
    func arguments(_ command: [String]) -> [String] {
        let base = shell.split(separator: "/").last.map(String.init) ?? "sh"
        guard !command.isEmpty else { return ["-" + base] }
        return [base, "-c", "exec " + command.map(Self.quoted).joined(separator: " ")]
    }

    /// One word for any shell.
    private static func quoted(_ word: String) -> String {
        "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    /// `kind` is that of the terminal.
    func environment(kind: String?) -> [String] {
        var environment = ["HOME=\(home)", "SHELL=\(shell)", "USER=\(name)", "LOGNAME=\(name)"]
        environment.append("PATH=" + (CurrentProcess.environment("PATH") ?? "/usr/local/bin:/usr/bin:/bin"))
        for passed in ["LANG", "MASIX_NODE"] {
            if let value = CurrentProcess.environment(passed) { environment.append("\(passed)=\(value)") }
        }
        if let kind { environment.append("TERM=\(kind)") }
        return environment
    }
}
