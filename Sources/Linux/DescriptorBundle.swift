import CLinux

/// An owned row of descriptors, such as those that came with a message. What nobody takes is closed at the end.
public struct DescriptorBundle: ~Copyable, Sendable {
    /// -1 where the descriptor was taken.
    private var numbers: [Int32]

    public init() { numbers = [] }

    /// Takes over open descriptors.
    public init(owning numbers: [Int32]) {
        precondition(numbers.allSatisfy { $0 >= 0 }, "a descriptor is not negative")
        self.numbers = numbers
    }

    deinit {
        for number in numbers where number >= 0 { _ = masix_close(number) }
    }

    /// How many places there are, taken ones included.
    public var count: Int { numbers.count }
    public var isEmpty: Bool { numbers.isEmpty }

    /// The number at `index`, lent; nil where it was taken or the index is outside.
    public func raw(at index: Int) -> Int32? {
        guard numbers.indices.contains(index), numbers[index] >= 0 else { return nil }
        return numbers[index]
    }

    /// The numbers that are still here, lent, in order.
    public var rawNumbers: [Int32] { numbers.filter { $0 >= 0 } }

    /// Hands one out; nil where it was taken before or the index is outside.
    public mutating func take(_ index: Int) -> Descriptor? {
        guard let number = raw(at: index) else { return nil }
        numbers[index] = -1
        return Descriptor(owning: number)
    }

    public mutating func append(_ descriptor: consuming Descriptor) { numbers.append(descriptor.relinquish()) }

    /// Moves all of `other` that were not taken to the end of this bundle.
    public mutating func append(contentsOf other: consuming DescriptorBundle) { numbers += other.relinquish() }

    /// Gives all numbers away that were not taken; the caller closes them.
    public consuming func relinquish() -> [Int32] {
        let remaining = rawNumbers
        // The deinit then finds nothing to close.
        numbers = []
        return remaining
    }
}
