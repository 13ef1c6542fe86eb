import MasixKernel
import MasixLinux
import MasixTransport

/// The descriptors and mappings of a node, by the names that the kernel gave their owners.
final class NodeTables {
    var tasks: [TaskID: TaskRecord] = [:]
    var links: [LinkID: LinkMemory] = [:]
    /// Memory objects inside messages.
    var objects: [UInt64: HeldDescriptor] = [:]
    let store: PayloadStore

    init(store: PayloadStore) { self.store = store }
}

/// The mapped memory of the node's tasks and links, for whoever closes leases.
struct MappedMemory: NodeMemory {
    let tables: NodeTables

    func control(of task: TaskID) -> ControlMemory? { tables.tasks[task]?.memory.control }

    func half(_ number: Int, of link: LinkID) -> LinkHalf? {
        guard let halves = tables.links[link]?.halves, halves.indices.contains(number) else { return nil }
        return halves[number]
    }

    mutating func keep(_ bytes: [UInt8]) -> Payload {
        do {
            // The array lives over the call.
            let kept = try unsafe bytes.withUnsafeBytes { bytes in try unsafe tables.store.keep(bytes, regardless: true) }
            guard let kept else { preconditionFailure("kept regardless of the bound") }
            return kept
        } catch {
            // Without memory for what has been sent already there is no right way on; as with any allocation, the process ends.
            fatalError("no memory for messages: \(error)")
        }
    }
}
