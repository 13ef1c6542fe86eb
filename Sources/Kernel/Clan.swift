// Clans divert messages, never identities (architecture rule 16). Within a node a right names the true port; what a chief
// decides is the way a message takes. `nearest` is the only place where a way is chosen.

/// Where a message goes first on its way to a port.
public enum Route: Hashable, Sendable {
    /// Straight into the port's queue.
    case direct
    /// To this chief, who may pass it on.
    case chief(TaskID)
}

extension Kernel {
    /// The first station on the way from one task to another: L3's `nearest`.
    ///
    /// A chief belongs to the clan it heads and to the one it lives in, so it speaks directly with both.
    public func nearest(from sender: TaskID, to receiver: TaskID) -> Route {
        guard let from = tasks[sender], let to = tasks[receiver] else { return .direct }
        if from.chief == to.chief || from.chief == receiver || to.chief == sender { return .direct }
        // The receiver lives in a clan inside the sender's: its outermost chief below us.
        var inner = to
        while let chief = inner.chief, let next = tasks[chief] {
            if next.id == sender || next.chief == from.chief || next.chief == sender { return .chief(chief) }
            inner = next
        }
        // Outwards, by our own chief.
        if let chief = from.chief { return .chief(chief) }
        return .direct
    }

    /// Whether a message of this task to this port needs no chief. A port in transit is nobody's: its queue takes messages.
    func isDirect(from sender: TaskID, to port: Port) -> Bool {
        guard case .task(let receiver) = port.receiver else { return true }
        return nearest(from: sender, to: receiver) == .direct
    }
}
