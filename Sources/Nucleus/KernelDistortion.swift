import MasixKernel

/// What a test puts between the kernel and the rest of the nucleus, to see whether somebody notices: it may change each event before the
/// kernel handles it, and what came of it. Nothing outside this module can set one.
protocol KernelDistortion: Sendable {
    func before(_ event: inout Event, _ kernel: inout Kernel)
    func after(_ event: Event, _ kernel: inout Kernel, _ actions: inout [Action])
}
