public import CLinux
public import SystemPackage

/// Tells a process from its forked copy: a word that Linux wipes in every child (MADV_WIPEONFORK).
public struct ForkWord: ~Copyable, Sendable {
    @usableFromInline let page: Mapping

    /// Throws `.invalidArgument` where Linux cannot wipe (before 4.14).
    public init() throws(Errno) {
        let page = try Mapping(anonymous: Mapping.pageSize)
        try page.advise(Int32(MASIX_MADV_WIPEONFORK))
        // The page is ours, writable and aligned.
        unsafe page.base.storeBytes(of: 1, as: UInt32.self)
        self.page = page
    }

    /// True in the process that made the word, false in any process forked from it. One load.
    @inlinable
    public var isAlive: Bool { unsafe masix_load_relaxed(page.base) != 0 }
}
