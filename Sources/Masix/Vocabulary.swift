public import MasixKernel

// The kernel's words that programs meet, under this module's name: nobody needs a second import to spell a type.

/// A task of a node.
public typealias TaskID = MasixKernel.TaskID
/// A node in one of its lives.
public typealias NodeID = MasixKernel.NodeID
/// A port, for its whole life and from every node. Not a capability.
public typealias PortID = MasixKernel.PortID
/// Who a task is, as the operating system says.
public typealias TaskIdentity = MasixKernel.TaskIdentity
/// Counts and requests of a port.
public typealias PortStatus = MasixKernel.PortStatus
/// What the kernel tells a task through a port.
public typealias Notification = MasixKernel.Notification
/// What is bounded, and how far.
public typealias Limits = MasixKernel.Limits
/// Why the kernel did not do it.
public typealias Refusal = MasixKernel.Refusal
