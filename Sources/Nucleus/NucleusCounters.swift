import MasixKernel

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
    var delivered: UInt64 = 0
    var strangersRefused: UInt64 = 0

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
}
