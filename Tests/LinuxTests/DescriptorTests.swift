import MasixLinux
import SystemPackage
import Testing

extension Door {
    @Test func descriptorClosesAtItsEnd() throws {
        let raw: Int32
        do {
            let null = try File.open("/dev/null", .read)
            raw = null.raw
            #expect(try null.isCloseOnExec())
        }
        #expect(throws: Errno.badFileDescriptor) { try File.status(of: raw) }
    }

    @Test func relinquishedDescriptorStaysOpen() throws {
        let raw = try File.open("/dev/null", .read).relinquish()
        let again = Descriptor(owning: raw)
        #expect(try File.status(of: again.raw).kind == .characterDevice)
    }

    @Test func flagsAreSetAndCleared() throws {
        let pipe = try Pipe.make()
        try pipe.reader.setNonBlocking(true)
        #expect(try pipe.reader.isNonBlocking())
        #expect(throws: Errno.wouldBlock) { try pipe.reader.readBytes(max: 1) }
        try pipe.reader.setNonBlocking(false)
        #expect(try !pipe.reader.isNonBlocking())
        try pipe.reader.setCloseOnExec(false)
        #expect(try !pipe.reader.isCloseOnExec())
        #expect(try pipe.reader.duplicate().isCloseOnExec())
    }

    @Test func bundleClosesWhatNobodyTook() throws {
        let pipe = try Pipe.make()
        let (kept, left): (Int32, Int32)
        let taken: Descriptor
        do {
            var bundle = DescriptorBundle()
            bundle.append(try pipe.reader.duplicate())
            bundle.append(try pipe.writer.duplicate())
            #expect(bundle.count == 2)
            let numbers = bundle.rawNumbers
            (kept, left) = (numbers[0], numbers[1])
            guard let first = bundle.take(0) else { throw Errno.badFileDescriptor }
            taken = first
            let isThereTwice = bundle.take(0) != nil
            #expect(!isThereTwice)
            #expect(bundle.rawNumbers == [left])
        }
        #expect(taken.raw == kept)
        #expect(try File.status(of: kept).kind == .pipe)
        #expect(throws: Errno.badFileDescriptor) { try File.status(of: left) }
    }

    @Test func bundleGivesItsRestAway() throws {
        var bundle = DescriptorBundle()
        bundle.append(try File.open("/dev/null", .read))
        var other = DescriptorBundle()
        other.append(contentsOf: bundle)
        let numbers = other.relinquish()
        #expect(numbers.count == 1)
        let owner = Descriptor(owning: numbers[0])
        #expect(try File.status(of: owner.raw).kind == .characterDevice)
    }
}
