import CLinux

/// The memory that this process allocates.
public enum Heap {
    /// From now on so many freed bytes stay with the process, for the next blocks up to that size. For a process that takes and gives back
    /// large blocks all the time: else each of them is pages that Linux maps, clears and takes back.
    public static func keepFreed(_ bytes: Int32) { masix_keep_freed(bytes) }
}
