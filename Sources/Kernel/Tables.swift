// The tables of a node, for people and for the shell's housekeeping. Nothing here changes anything.

extension Kernel {
    /// Ports with an open lease, in order.
    public var leasedPorts: [PortID] { Set(leases.values.map(\.port)).sorted() }
}

extension Kernel {
    /// No task is left, and with the last one everything must have gone.
    public var isDeserted: Bool {
        tasks.isEmpty && ports.isEmpty && sendOnces.isEmpty && links.isEmpty && leases.isEmpty && unclaimed.isEmpty
            && transitPorts.isEmpty && ticketPorts.isEmpty && bootstrap == nil
    }
}
