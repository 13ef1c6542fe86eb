import Testing

@testable import MasixKernel

/// Situations: kinds, not instances.
@Suite struct SituationTests {
    @Test("what decides the way is in it, ids and numbers are not")
    func kinds() {
        var scene = Scene.withoutLinks
        let server = scene.attach()
        let client = scene.attach()
        let port = scene.port(of: server, limit: 1)
        scene.give(.makeSend(port), of: server, to: client)
        func situation(_ request: Request) -> String {
            let number = (scene.kernel.tasks[client]?.lastRequest ?? 0) + 1
            return scene.kernel.situation(of: .request(client, number: number, request)).description
        }
        let send = Request.send(Outgoing(to: .copySend(port)))
        let waits = Request.send(Outgoing(to: .copySend(port), blocks: true))
        #expect(situation(send) == "send by a send right | room | to another | plain")
        scene.ask(client, send)
        #expect(situation(send) == "send by a send right | full, refused | to another | plain")
        #expect(situation(waits) == "send by a send right | full, waits | to another | plain")
        scene.ask(client, waits)
        #expect(situation(send) == "send by a send right | refused behind others | to another | plain")
        #expect(situation(.receive(port)) == "receive | no receive right")
        #expect(scene.kernel.situation(of: .request(client, number: 99, send)).description == "request | out of turn")
        #expect(scene.kernel.situation(of: .end(TaskID(raw: 99))).description == "end | unknown task")
    }

    @Test("random programs meet many, and no more than a few hundred, and none with a digit in it")
    func finite() {
        var all: Set<Situation> = []
        for seed: UInt64 in 500..<520 {
            let run = RandomRun(seed: seed)
            run.run(steps: 200)
            #expect(run.failure == nil)
            all.formUnion(run.situations)
        }
        #expect((100...600).contains(all.count), "\(all.count)")
        #expect(all.allSatisfy { situation in !situation.description.contains(where: \.isNumber) })
        #expect(all.sorted().first?.description.hasPrefix("allocate") == true)
    }
}
