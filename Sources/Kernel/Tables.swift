// The tables of a node, for people and for the shell's housekeeping. Nothing here changes anything.

extension Kernel {
    /// Ports with an open lease, in order.
    public var leasedPorts: [PortID] { Set(leases.values.map(\.port)).sorted() }
}
