import MasixKernel
import MasixLinux
import MasixTestKit
import SystemPackage
import Testing

@testable import Masix

/// An event loop that sleeps on the bell itself: nothing that comes is missed, and other threads wait beside it.
@Suite(.serialized) struct LeadingLoopTests {
    @Test func theLoopIsRungForAndThreadsWaitBesideIt() throws {
        let node = try TestNode(names: true)
        defer { node.stop() }
        let (space, sender) = (try node.attach(), try node.attach())
        let watched = try space.names.register("watched")
        let waited = try space.names.register("waited")
        let bell = try space.beginLoop()
        defer { space.endLoop() }
        // Only one loop leads.
        #expect(throws: MasixError.invalidValue) { try space.beginLoop() }
        let thread = try Background {
            for number in UInt32(0)..<50 {
                let code = try waited.receive(timeout: .seconds(20)).code
                #expect(code == number)
            }
        }
        let sending = try Background {
            let first = try sender.names.lookUp("watched")
            let second = try sender.names.lookUp("waited")
            for number in 0..<50 {
                try first.send(Message(code: UInt32(number)), timeout: .seconds(20))
                try second.send(Message(code: UInt32(number)), timeout: .seconds(20))
            }
        }
        var next: UInt32 = 0
        while next < 50 {
            try space.wakeLoop()
            while true {
                let before = space.loopStanding
                if let message = try watched.tryReceive() {
                    #expect(message.code == next)
                    next += 1
                } else if space.sleepLoop(since: before) {
                    break
                }
            }
            guard next < 50 else { break }
            try #require(try Ready.poll(bell, for: .readable, timeoutNanoseconds: 20_000_000_000))
            try Bell.listen(bell)
        }
        // What the other thread still waits for, the loop no longer sees to.
        space.endLoop()
        try sending.wait(seconds: 20)
        try thread.wait(seconds: 20)
    }
}
