extension Set where Element: Comparable {
    /// Its elements, lowest first. Most sets of the kernel have none or one, and then nothing is sorted.
    var inOrder: [Element] { count > 1 ? sorted() : Array(self) }
}
