import Synchronization
import SystemPackage

/// Every call of Linux that can fail passes here: it is where tests inject faults, where an interrupted call is repeated, and where the
/// shims' negated errno becomes an `Errno`.
@inline(__always)
func systemCall(_ point: FaultPoint, retryingInterrupts: Bool = true, _ call: () -> Int) throws(Errno) -> Int {
    while true {
        let result = FaultPlan.isAnyArmed ? (FaultPlan.forcedError(at: point).map { -Int($0.rawValue) } ?? call()) : call()
        if result >= 0 { return result }
        let error = Errno(rawValue: CInt(-result))
        if error == .interrupted && retryingInterrupts { continue }
        throw error
    }
}

extension FaultPlan {
    /// One relaxed load: nobody decides anything from it but whether to look at the plans under their lock.
    @inline(__always)
    static var isAnyArmed: Bool { armedCount.load(ordering: .relaxed) != 0 }
}

/// A path for C: a zero byte inside would silently shorten it.
func checkedPath(_ path: String) throws(Errno) -> String {
    guard !path.isEmpty else { throw .noSuchFileOrDirectory }
    guard !path.utf8.contains(0) else { throw .invalidArgument }
    return path
}

extension Errno {
    /// The error meant by "try again later" of a call that must not wait.
    var meansWouldBlock: Bool { self == .wouldBlock || self == .resourceTemporarilyUnavailable }
}
