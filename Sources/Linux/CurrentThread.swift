import CLinux

/// The calling thread.
public enum CurrentThread {
    /// Linux's number for it, which no other living thread has.
    public static var number: Int32 { masix_thread_number() }
}

/// For the last words of a program that has no logger.
public enum StandardError {
    public static func say(_ words: String) {
        let line = Array((words + "\n").utf8)
        // The array lives over the call. Where nobody reads, nobody is told.
        _ = try? systemCall(.write) { unsafe masix_write(2, line, line.count) }
    }
}
