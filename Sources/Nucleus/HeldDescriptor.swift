import MasixLinux
import SystemPackage

/// A descriptor that several tables of the nucleus speak of; closed when the last forgets it.
final class HeldDescriptor {
    private let descriptor: Descriptor

    init(_ descriptor: consuming Descriptor) { self.descriptor = descriptor }

    /// Nil for nil.
    convenience init?(_ descriptor: consuming Descriptor?) {
        guard let descriptor = descriptor.take() else { return nil }
        self.init(descriptor)
    }

    /// The number, lent: valid as long as this object lives.
    var raw: Int32 { descriptor.raw }

    func duplicate() throws(Errno) -> Descriptor { try descriptor.duplicate() }
}
