import MasixLinux
import SystemPackage

/// Files that must outlive whatever happens: whoever opens one sees the whole of what was there before, or the whole of what took its place, also if the
/// machine stops in between or the disk is full.
enum StateFile {
    /// Writes beside it, and renames.
    static func replace(_ path: String, with bytes: [UInt8], mode: UInt32 = 0o644) throws(Complaint) {
        let beside = path + ".new"
        do throws(Errno) {
            let file = try File.open(beside, [.write, .create, .truncate, .noFollow], mode: mode)
            try file.writeAll(bytes)
            try File.synchronize(file.raw)
            try File.rename(beside, to: path)
            try synchronizeFolder(of: path)
        } catch {
            throw Complaint(error, path)
        }
    }

    /// The same for what is never replaced: `what` is said if it is there.
    static func create(_ path: String, _ bytes: [UInt8], mode: UInt32, or what: String) throws(Complaint) {
        do throws(Errno) {
            let file = try File.open(path, [.write, .create, .exclusive, .noFollow], mode: mode)
            try file.writeAll(bytes)
            try File.synchronize(file.raw)
            try synchronizeFolder(of: path)
        } catch .fileExists {
            throw Complaint("\(path) is there already: \(what)", .cannotCreate)
        } catch {
            throw Complaint(error, path)
        }
    }

    /// Nil if there is no such file.
    static func contents(_ path: String, max: Int) throws(Complaint) -> [UInt8]? {
        do throws(Errno) { return try File.contentsIfThere(path, max: max) } catch { throw Complaint(error, path) }
    }

    private static func synchronizeFolder(of path: String) throws(Errno) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let place = try File.open(folder.isEmpty ? "/" : folder, [.read, .directory])
        try File.synchronize(place.raw)
    }
}
