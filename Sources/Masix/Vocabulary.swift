// The kernel's words that programs meet, with their members: nobody needs a second import to spell a type or to look into one.

/// What is bounded, and how far.
@_exported public import struct MasixKernel.Limits
/// A node in one of its lives.
@_exported public import struct MasixKernel.NodeID
/// What the kernel tells a task through a port.
@_exported public import enum MasixKernel.Notification
/// A port, for its whole life and from every node. Not a capability.
@_exported public import struct MasixKernel.PortID
/// Counts and requests of a port.
@_exported public import struct MasixKernel.PortStatus
/// Why the kernel did not do it.
@_exported public import enum MasixKernel.Refusal
/// A task of a node.
@_exported public import struct MasixKernel.TaskID
/// Who a task is, as the operating system says.
@_exported public import struct MasixKernel.TaskIdentity
