import Glibc
import MasixLinux
import Synchronization

/// Reads `count` bytes on a thread of its own.
final class DetachedRead: Sendable {
    private let total = Atomic<Int>(0)
    private let finished = Atomic<Bool>(false)

    init(_ raw: Int32, count: Int) {
        onThread { [self] in
            let descriptor = Descriptor(owning: raw)
            while total.load(ordering: .relaxed) < count, let part = try? descriptor.readBytes(max: 65_536), !part.isEmpty {
                total.add(part.count, ordering: .relaxed)
            }
            finished.store(true, ordering: .releasing)
        }
    }

    func wait() -> Int {
        while !finished.load(ordering: .acquiring) { usleep(500) }
        return total.load(ordering: .relaxed)
    }
}

private final class Work {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Runs `body` on a new thread.
func onThread(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    // The thread takes over the only reference.
    let work = unsafe Unmanaged.passRetained(Work(body)).toOpaque()
    let started = unsafe pthread_create(
        &thread, nil,
        { argument in
            if let argument = unsafe argument { unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }, work)
    precondition(started == 0)
    pthread_detach(thread)
}
