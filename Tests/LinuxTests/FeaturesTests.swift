import MasixLinux
import SystemPackage
import Testing

extension Door {
    @Test func environmentForcesAbsence() {
        let plain = Features.detect(environment: [:])
        #expect(plain.processDescriptor && !plain.kernelRelease.isEmpty)
        #expect(plain.unknownNames.isEmpty)
        let forced = Features.detect(environment: ["MASIX_WITHOUT": "open-at2, FUTURE_WRITE_SEAL,bogus,"])
        #expect(!forced.openat2 && !forced.futureWriteSeal)
        #expect(forced.isForcedAbsent(.openat2) && !forced.isForcedAbsent(.closeRange))
        #expect(forced.unknownNames == ["bogus"])
        #expect(forced.processDescriptor == plain.processDescriptor)
    }

    @Test func everyLossIsASentence() {
        for feature in Feature.allCases { #expect(feature.loss.hasSuffix(".") && feature.loss.count > 20) }
        #expect(Features.assumed.absent.isEmpty)
        #expect(Features(present: [.openat2]).absent.count == Feature.allCases.count - 1)
    }

    @Test func missingSystemCallIsFoundMissing() {
        let found = FaultPlan(.socket, fails: .noFunction).armed { Features.detect(environment: [:]) }
        #expect(!found.peerProcessDescriptor)
    }
}
