import MasixKernel

extension Space {
    /// From now on every new task of the node is given a send right to this port. For the node's first task alone.
    package func setBootstrap(_ port: borrowing ReceiveRight) throws(MasixError) {
        let id = port.port
        try leave(port.holder.entry)
        try connection.withCore { core throws(MasixError) in _ = try core.demand(.setBootstrap(id)) }
    }
}
