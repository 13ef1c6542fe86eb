import MasixKernel
import MasixLinux
import MasixTransport
import SystemPackage

/// What the nucleus shares with one task: its control memory, its status page, its bell.
final class TaskMemory {
    let controlFile: MemoryFile
    let statusFile: MemoryFile
    /// Kept open, so that whoever rings a task that has closed its end is not told so by a signal.
    let bellReader: Descriptor
    let bellWriter: Descriptor
    private let controlMapping: Mapping
    private let statusMapping: Mapping
    let control: ControlMemory
    let status: StatusPage
    private(set) var isStatusSealed: Bool

    convenience init(features: Features) throws(Errno) {
        let control = try MemoryFile.create(name: "masix-control", size: ControlMemory.length, features: features)
        // The task must not take memory away under our hands (pitfalls: SIGBUS).
        try control.addSeals([.shrink, .grow, .seal])
        let status = try MemoryFile.create(name: "masix-status", size: StatusPage.length, features: features)
        try status.addSeals([.shrink, .grow])
        try self.init(control: control, status: status, bell: try Pipe.make().relinquishReader())
    }

    /// Takes over memory that exists already.
    init(control: consuming MemoryFile, status: consuming MemoryFile, bell: consuming Descriptor) throws(Errno) {
        controlMapping = try Mapping(of: control.raw, length: ControlMemory.length, access: .readWrite)
        statusMapping = try Mapping(of: status.raw, length: StatusPage.length, access: .read)
        isStatusSealed = try status.seals().contains(.seal)
        controlFile = control
        statusFile = status
        bellWriter = try Pipe.reopenWriter(bell.raw)
        bellReader = bell
        // Both regions lie inside mappings that live as long as this object, and are used only through it.
        unsafe self.control = ControlMemory(SharedRegion(base: controlMapping.base, length: controlMapping.count))
        unsafe self.status = StatusPage(SharedRegion(base: statusMapping.base, length: statusMapping.count))
    }

    /// From here on nobody but the task, by the mapping that it has, can write its status.
    func sealStatus() throws(Errno) {
        guard !isStatusSealed else { return }
        try statusFile.addSeals([.futureWrite, .seal])
        isStatusSealed = true
    }

    /// Wakes whoever sleeps. The count first, then the look at the flag: a task that falls asleep sets the flag, then looks at the
    /// count a last time, so one of us sees the other (pitfalls 9).
    func ring() throws(Errno) {
        control.bell.release(control.bell.relaxed &+ 1)
        fullFence()
        guard status.asleep.relaxed != 0 else { return }
        do {
            _ = try bellWriter.write([1])
        } catch {
            // A full pipe has been rung already.
            guard error == .wouldBlock || error == .resourceTemporarilyUnavailable else { throw error }
        }
    }
}

extension PipeEnds {
    /// The reading end alone; the other is closed.
    fileprivate consuming func relinquishReader() -> Descriptor { reader }
}

/// The memory of one link: two halves, each written by one end and read by the other and by the nucleus.
final class LinkMemory {
    let link: MasixKernel.Link
    let files: LinkFiles
    private let firstMapping: Mapping
    private let secondMapping: Mapping
    let halves: [LinkHalf]
    private(set) var isSealed: Bool

    convenience init(_ link: MasixKernel.Link, features: Features) throws(Errno) {
        let first = try MemoryFile.create(name: "masix-link", size: LinkHalf.length, features: features)
        try first.addSeals([.shrink, .grow])
        let second = try MemoryFile.create(name: "masix-link", size: LinkHalf.length, features: features)
        try second.addSeals([.shrink, .grow])
        try self.init(link, LinkFiles(first: first, second: second))
    }

    init(_ link: MasixKernel.Link, _ files: consuming LinkFiles) throws(Errno) {
        firstMapping = try Mapping(of: files.first.raw, length: LinkHalf.length, access: .read)
        secondMapping = try Mapping(of: files.second.raw, length: LinkHalf.length, access: .read)
        isSealed = try files.first.seals().contains(.seal)
        let sealedSecond = try files.second.seals().contains(.seal)
        isSealed = isSealed && sealedSecond
        self.link = link
        self.files = files
        // Both regions lie inside mappings that live as long as this object, and are used only through it.
        unsafe halves = [
            LinkHalf(SharedRegion(base: firstMapping.base, length: firstMapping.count)),
            LinkHalf(SharedRegion(base: secondMapping.base, length: secondMapping.count)),
        ]
    }

    func raw(ofHalf number: Int) -> Int32 { number == 0 ? files.first.raw : files.second.raw }

    /// From here on each half has exactly the writers that it has (architecture rule 12).
    func seal() throws(Errno) {
        guard !isSealed else { return }
        for half in 0...1 where try !MemoryFile.seals(of: raw(ofHalf: half)).contains(.seal) {
            try MemoryFile.addSeals([.futureWrite, .seal], to: raw(ofHalf: half))
        }
        isSealed = true
    }
}

struct LinkFiles: ~Copyable {
    let first: MemoryFile
    let second: MemoryFile
}
