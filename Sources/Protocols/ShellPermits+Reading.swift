import MasixLinux
import SystemPackage

extension ShellPermits {
    /// Why a file counts for nobody.
    public struct Unreadable: Error, CustomStringConvertible {
        public let description: String
    }

    /// What is written in this state directory; nobody, if there is no file. One that others can write, or that cannot be read to its end,
    /// is an error: what was to be its last word may be missing.
    public static func read(in state: String) throws(Unreadable) -> ShellPermits {
        let path = "\(state)/\(ShellProtocol.permitsFileName)"
        let bytes: [UInt8]
        do throws(Errno) {
            let file = try File.open(path, [.read, .noFollow])
            let status = try File.status(of: file.raw)
            let isOurs = status.uid == 0 || status.uid == CurrentProcess.uid
            guard status.kind == .regular, isOurs, status.mode & 0o022 == 0 else { throw .permissionDenied }
            bytes = try file.readAll(max: 1 << 20)
        } catch {
            if error == .noSuchFileOrDirectory { return ShellPermits() }
            if error == .permissionDenied {
                throw Unreadable(
                    description: "\(path): it must be a file of root or of user \(CurrentProcess.uid), that nobody else can write")
            }
            throw Unreadable(description: "\(path): \(error)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Unreadable(description: "\(path): it is no UTF-8") }
        do throws(ShellPermitFault) { return try ShellPermits(text: text) } catch { throw Unreadable(description: "\(path): \(error)") }
    }
}
