import Logging
import Masix
import MasixKernel
import MasixNetwork

// What is made right by the receiver where the two machines have their bytes in different orders (spec/mach.md 4): the structure of bodies
// and typed numbers, in them and beside them.
//
// A node that declares another order than its machine's does as a machine of that order would: what its tasks have written is turned when
// it leaves, and what has come, once it is right for such a machine, is turned for its tasks.

extension Translator {
    private var declared: ByteOrder { channels.configuration.order }

    /// A message of a peer whose bodies are in this order, made right for a task of ours.
    func makeRight(_ message: NetworkMessage, from peer: UInt32, in order: ByteOrder) -> NetworkMessage {
        guard order != declared || declared != .host else { return message }
        var message = message
        var runs: [MemoryRun] = []
        if order != declared {
            message.format = message.format.turned
            runs += turn(&message, in: order)
        }
        if declared != .host {
            let again = turn(&message, in: declared)
            // Both ways is no way.
            runs = order == declared ? again : []
        }
        if !runs.isEmpty { foreignRuns[TransferKey(peer: peer, number: message.transfer)] = runs }
        return message
    }

    /// A message of a task of ours as it would have written it on a machine of the order that this node declares.
    func pretend(_ message: NetworkMessage) -> NetworkMessage {
        guard declared != .host else { return message }
        var message = message
        let runs = turn(&message, in: .host)
        guard !runs.isEmpty, let memory = outgoing[message.transfer] else { return message }
        do throws(MasixError) {
            var turned: [MemoryObject] = []
            for (place, object) in memory.enumerated() { turned.append(try Self.turned(object, place, runs)) }
            outgoing[message.transfer] = turned
        } catch {
            logger.error("memory cannot be turned", metadata: ["error": "\(error)"])
        }
        return message
    }

    /// Turns a body that is in this order, if it is one; else it stays, and its receiver finds that it is none.
    private func turn(_ message: inout NetworkMessage, in order: ByteOrder) -> [MemoryRun] {
        guard let converted = BodyConversion.convert(message.bytes, message.format, in: order, memory: message.memory) else { return [] }
        message.bytes = converted.bytes
        return converted.runs
    }

    /// The same memory with its typed numbers in the other order.
    static func turned(_ object: MemoryObject, _ place: Int, _ runs: [MemoryRun]) throws(MasixError) -> MemoryObject {
        let runs = runs.filter { $0.memory == place }
        guard !runs.isEmpty else { return object }
        return try MemoryObject(count: object.count) { (draft) throws(MasixError) in
            try copy(object, 0..<object.count, width: 1, to: draft)
            for run in runs {
                try copy(object, Int(run.range.lowerBound)..<Int(run.range.upperBound), width: run.width, to: draft)
            }
        }
    }

    private static func copy(
        _ object: MemoryObject, _ range: Range<Int>, width: Int, to draft: borrowing MemoryObject.Draft
    ) throws(MasixError) {
        // A piece ends where a number does.
        let piece = 1 << 20
        for start in stride(from: range.lowerBound, to: range.upperBound, by: piece) {
            var bytes = try object.bytes(in: start..<min(start + piece, range.upperBound))
            BodyConversion.turn(&bytes, in: bytes.indices, width: width)
            try draft.write(bytes, at: start)
        }
    }
}
