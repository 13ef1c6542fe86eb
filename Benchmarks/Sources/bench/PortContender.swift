import Masix
import MasixTestKit
import Measure

/// Making ports, as a program does that makes many: each sample is a batch that is kept until the sample is over.
final class PortContender: Contender {
    let name = "masix"
    private let setting: Setting
    private var node: TestNode?
    private var space: Space?

    init(_ setting: Setting) { self.setting = setting }

    func begin() throws {
        let node = try TestNode()
        self.node = node
        space = try node.attach()
    }

    func end() { node?.stop() }

    func run(samples: Int) throws -> Samples {
        guard let space else { throw MasixError.nodeGone }
        return try batches(samples, of: setting.operationsPerSample) { () throws(MasixError) in Kept(try space.makePort()) }
    }

    /// A receive right in an array.
    private final class Kept {
        private let right: ReceiveRight
        init(_ right: consuming ReceiveRight) { self.right = right }
    }
}

/// What an object of the language costs that is made in the same way, with two words in it.
struct ObjectContender: Contender {
    let name = "object"
    private let setting: Setting

    init(_ setting: Setting) { self.setting = setting }

    func run(samples: Int) throws -> Samples {
        batches(samples, of: setting.operationsPerSample) { Kept() }
    }

    private final class Kept {
        let first = now()
        let second = 0
    }
}

/// Objects are made and kept in batches; letting go is not timed.
private func batches<Kept: AnyObject, Failure: Error>(
    _ samples: Int, of each: Int, _ make: () throws(Failure) -> Kept
) throws(Failure) -> Samples {
    var nanoseconds: [UInt64] = []
    var kept: [Kept] = []
    kept.reserveCapacity(each)
    let processor = processorTime()
    for place in 0..<(samples + 2) {
        let begin = now()
        for _ in 0..<each { kept.append(try make()) }
        let end = now()
        if place >= 2 { nanoseconds.append(end - begin) }
        kept.removeAll(keepingCapacity: true)
    }
    return Samples(nanoseconds: nanoseconds, operationsPerSample: each, processorNanoseconds: processorTime() - processor)
}
