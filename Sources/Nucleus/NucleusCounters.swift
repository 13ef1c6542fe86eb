import MasixKernel
import MasixTransport

/// What has happened so far, for people.
struct NucleusCounters {
    var attaches: UInt64 = 0
    var requests: UInt64 = 0
    var traces: UInt64 = 0
    var revocations: UInt64 = 0
    var ends: [EndReason: UInt64] = [:]
    var framesHarvested: UInt64 = 0
    var leasesGranted: UInt64 = 0
    var leasesClosed: UInt64 = 0
    var linksOpened: UInt64 = 0
    var linkFaults: [LinkFault: UInt64] = [:]
    var refusals: [Refusal: UInt64] = [:]
    var shortages: UInt64 = 0
    var received: UInt64 = 0
    var strangersRefused: UInt64 = 0
    var journals: UInt64 = 0

    mutating func count(_ event: Event) {
        switch event {
        case .attach: attaches += 1
        case .request: requests += 1
        case .end: break
        case .trace: traces += 1
        case .revoke: revocations += 1
        case .linkFailed: break
        }
    }

    mutating func count(_ observations: [Observation]) {
        for case .closing(let closing) in observations {
            leasesClosed += 1
            framesHarvested += UInt64(closing.frames.count)
        }
    }

    /// Every reason is named, also where nothing has happened: whoever looks for a fault must see that there was none.
    var entries: [NodeCounters.Entry] {
        var entries: [NodeCounters.Entry] = [
            .init("tasks attached", attaches), .init("requests", requests), .init("messages received by the nucleus", received),
            .init("traces", traces), .init("revocations", revocations), .init("leases granted", leasesGranted),
            .init("leases closed", leasesClosed), .init("frames harvested", framesHarvested), .init("links opened", linksOpened),
            .init("rights lost for want of room", shortages), .init("connections refused", strangersRefused),
            .init("journals renewed", journals),
        ]
        entries += EndReason.allCases.map { .init("ends, \($0)", ends[$0] ?? 0) }
        entries += LinkFault.allCases.map { .init("link faults, \($0)", linkFaults[$0] ?? 0) }
        entries += Refusal.allCases.map { .init("refusals, \($0)", refusals[$0] ?? 0) }
        return entries
    }
}
