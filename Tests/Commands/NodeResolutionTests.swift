import Foundation
import Masix
import MasixLinux
import MasixTestKit
import SystemPackage
import Testing

extension Nodes {
    /// `masix trace --resolving`: figure 2 of the paper, on both nodes.
    @Suite struct Resolutions {
        /// The numbers of the steps that a trace has shown, in order.
        private static func steps(_ trace: RunningShell) throws -> [Int] {
            try Outcome(code: 0, output: trace.output, errors: "").objects().compactMap { $0["step"] as? Int }
        }

        private static func frames(_ node: NodeProcess) throws -> [Int?] {
            let row = try node.shell("masix node peers --json").objects().first
            return [row?["frames_sent"] as? Int, row?["frames_received"] as? Int]
        }

        private static func startTrace(_ node: NodeProcess) throws -> RunningShell {
            let trace = try node.start("exec masix trace --resolving --json")
            guard eventually({ trace.errors.contains("are closed while this runs") }) else {
                throw NodeProcess.Failure(words: "no trace: \(trace.errors)")
            }
            return trace
        }

        @Test func theEightStepsHaveTheirNumbersAndTheSecondTimeNothingCrosses() async throws {
            try await NodeProcessPair.play { pair in
                let (server, client) = (try pair.b.attach(), try pair.a.attach())
                let door = try server.names.register("door")
                #expect(try eventually { try pair.a.shell("masix node peers --json").objects().first?["up"] as? Bool == true })
                let (onA, onB) = (try Self.startTrace(pair.a), try Self.startTrace(pair.b))
                let right = try client.names.lookUp("door", timeout: .seconds(10))
                #expect(try eventually { try Self.steps(onA).count == 6 && Self.steps(onB).count == 4 })
                #expect(try Self.steps(onA) == [1, 2, 3, 6, 7, 8])
                #expect(try Self.steps(onB) == [3, 4, 5, 6])
                let before = try Self.frames(pair.a)
                #expect(before == [1, 1])
                for _ in 0..<10 { #expect(try client.names.lookUp("door", timeout: .seconds(10)).port == right.port) }
                #expect(try Self.frames(pair.a) == before)
                // Whatever was asked meanwhile was answered here: ten times this name, and the network server's.
                #expect(try eventually { try Self.steps(onA).count >= 26 })
                let later = try Self.steps(onA).dropFirst(6)
                #expect(later.count >= 20 && later.allSatisfy { $0 == 1 || $0 == 8 }, "\(later)")
                #expect(try Self.steps(onB).count == 4)
                try onA.end(Signal.interrupt)
                try onB.end(Signal.interrupt)
                // For people.
                let words = try pair.a.start("exec masix trace --resolving")
                #expect(eventually { words.errors.contains("are closed while this runs") })
                #expect(throws: NameError.self) { _ = try client.names.lookUp("no-door", timeout: .seconds(10)) }
                let said = [
                    "step 1: A -> Na", "step 2: Na -> Ra", "step 3: Ra -> Rb", "step 6: Rb -> Ra", "step 7: Ra -> Na", "step 8: Na -> A",
                ]
                #expect(eventually { said.allSatisfy(words.output.contains) }, "\(words.output)")
                #expect(words.output.contains("look-up, to node b") && words.output.contains("unknown, from node b"))
                try words.end(Signal.interrupt)
                door.close()
            }
        }
    }
}
