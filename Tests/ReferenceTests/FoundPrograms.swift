import MasixReferenceModel
import MasixTestKit
import Testing

/// Programs by which the model has found something wrong, as they came out of the shrinker.
@Suite(.serialized) struct FoundPrograms {
    struct Found: CustomTestStringConvertible, Sendable {
        let what: String
        var form = Form.xnu
        let program: [Step]
        var testDescription: String { what }
    }

    static let all: [Found] = [
        Found(
            what: "a receive right that is extracted to its own task counts its makings anew (R1)",
            program: [
                Step(id: 4, task: 1, .begin),
                Step(id: 9, task: 2, .begin),
                Step(id: 375, task: 1, .allocate(1, name: nil)),
                Step(id: 404, task: 1, .give(96000, 20, to: 2)),
                Step(id: 407, task: 1, .extract(96000, 16)),
            ]),
        Found(
            what: "credit of a lease is no message (V3)", form: .mach3,
            program: [
                Step(id: 1, task: 0, .begin),
                Step(id: 4, task: 1, .begin),
                Step(id: 5, task: 1, .allocate(1, name: nil)),
                Step(id: 16, task: 3, .begin),
                Step(id: 18, task: 3, .allocate(1, name: nil)),
                Step(id: 21, task: 3, .give(4608, 20, to: 1)),
                Step(id: 39, task: 1, .send(Parcel(5376, 19, id: 1038, [.words([886258])]), awaitsRoom: true)),
                Step(id: 40, task: 1, .receive(1280, room: 12, keepsLarge: false)),
                Step(id: 41, task: 1, .send(Parcel(5376, 19, id: 1040, [.words([886259])]), awaitsRoom: true)),
                Step(id: 42, task: 3, .receive(4608, room: 12, keepsLarge: false)),
                Step(id: 43, task: 1, .send(Parcel(5376, 19, id: 1042, [.words([886260])]), awaitsRoom: true)),
            ]),
        Found(
            what: "a notification that is too large stays (V4)",
            program: [
                Step(id: 1, task: 0, .begin),
                Step(id: 9, task: 2, .begin),
                Step(id: 184, task: 2, .allocate(1, name: nil)),
                Step(id: 187, task: 2, .give(47104, 20, to: 0)),
                Step(id: 286, task: 0, .allocate(1, name: nil)),
                Step(id: 318, task: 0, .request(47872, 72, sync: 0, notify: 73216, 21)),
                Step(id: 322, task: 2, .destroy(47104)),
                Step(id: 333, task: 0, .receive(73216, room: 0, keepsLarge: true)),
            ]),
        Found(
            what: "a message that comes with a new member to a waiting receiver is counted (V3)",
            program: [
                Step(id: 9, task: 2, .begin),
                Step(id: 80, task: 2, .allocate(3, name: nil)),
                Step(id: 495, task: 2, .receiveWaiting(20480)),
                Step(id: 620, task: 2, .allocate(1, name: nil)),
                Step(id: 631, task: 2, .send(Parcel(158720, 20, id: 1630, [.words([104250])]), awaitsRoom: false)),
                Step(id: 647, task: 2, .moveMember(158720, 20480)),
            ]),
        Found(
            what: "a name that receives alone is freed by the sending that destroys its port (R3)",
            program: [
                Step(id: 1, task: 0, .begin),
                Step(id: 2, task: 0, .allocate(1, name: nil)),
                Step(id: 3, task: 1, .begin),
                Step(id: 4, task: 1, .allocate(1, name: nil)),
                Step(id: 5, task: 0, .give(512, 21, to: 1)),
                Step(id: 6, task: 1, .request(1024, 72, sync: 0, notify: 1280, 18)),
                Step(id: 7, task: 1, .request(1024, 72, sync: 0, notify: 1281, 18)),
                Step(id: 8, task: 1, .send(Parcel(1024, 20, id: 1667, [.right(1024, 16)]), awaitsRoom: false)),
            ]),
        Found(
            what: "a name that receives alone is freed by an extraction (R3)",
            program: [
                Step(id: 9, task: 2, .begin),
                Step(id: 10, task: 2, .allocate(1, name: nil)),
                Step(id: 11, task: 2, .allocate(1, name: nil)),
                Step(id: 44, task: 2, .request(2816, 72, sync: 2, notify: 2560, 21)),
                Step(id: 199, task: 2, .extract(2816, 16)),
            ]),
        Found(
            what: "a message to a send-once right is no sender that goes (70, T2)",
            program: [
                Step(id: 1, task: 0, .begin),
                Step(id: 9, task: 2, .begin),
                Step(id: 10, task: 0, .allocate(1, name: nil)),
                Step(id: 20, task: 0, .give(2560, 16, to: 2)),
                Step(id: 30, task: 2, .request(5120, 70, sync: 4, notify: 5120, 21)),
                Step(id: 40, task: 2, .send(Parcel(5120, 21, id: 1040, [.right(0xE000_0080, 18)]), awaitsRoom: false)),
                Step(id: 50, task: 2, .receive(5120, room: 70000, keepsLarge: false)),
            ]),
        Found(
            what: "the name of a send-once right is free before its message meets a full queue (D2, S6)",
            program: [
                Step(id: 1, task: 0, .begin),
                Step(id: 2, task: 0, .allocate(1, name: nil)),
                Step(id: 3, task: 0, .extract(512, 21)),
                Step(id: 4, task: 0, .request(768, 72, sync: 0, notify: 512, 21)),
                Step(id: 5, task: 0, .setQueueLimit(512, 1)),
                Step(id: 6, task: 0, .send(Parcel(512, 20, reply: 768, 18, id: 1006, [.words([7])]), awaitsRoom: true)),
            ]),
        Found(
            what: "an old answer about room puts out no later request (N5, S8)",
            program: [
                Step(id: 4, task: 1, .begin),
                Step(id: 9, task: 2, .begin),
                Step(id: 691, task: 1, .construct(options: 2, queueLimit: 2, context: 1)),
                Step(id: 692, task: 1, .give(176896, 20, to: 2)),
                Step(id: 710, task: 1, .give(176896, 16, to: 2)),
                Step(id: 716, task: 2, .request(177152, 66, sync: 2, notify: 177152, 21)),
                Step(id: 722, task: 2, .request(177152, 72, sync: 1, notify: 177152, 21)),
            ]),
        Found(
            what: "a request for room that another has the answer of is armed no more, and adds no reference (N5, 1.6)",
            program: [
                Step(id: 1, task: 0, .begin),
                Step(id: 2, task: 1, .begin),
                Step(id: 3, task: 0, .allocate(1, name: nil)),
                Step(id: 4, task: 0, .give(768, 20, to: 1)),
                Step(id: 5, task: 0, .give(768, 21, to: 1)),
                Step(id: 6, task: 1, .request(1024, 66, sync: 1, notify: 1280, 18)),
                Step(id: 7, task: 1, .type(1024)),
                Step(id: 8, task: 0, .destroy(768)),
                Step(id: 9, task: 1, .references(1024, 4)),
            ]),
        Found(
            what: "who waits at a receive right that moves does not receive the news of it (R1, R3)", form: .mach3,
            program: [
                Step(id: 1, task: 0, .begin),
                Step(id: 3, task: 0, .allocate(1, name: nil)),
                Step(id: 12, task: 0, .request(768, 72, sync: 0, notify: 768, 21)),
                Step(id: 18, task: 0, .receiveWaiting(768)),
                Step(id: 25, task: 0, .extract(768, 16)),
            ]),
        Found(
            what: "nor who waits at its set (1.7, R3)", form: .mach3,
            program: [
                Step(id: 1, task: 0, .begin),
                Step(id: 68, task: 0, .allocate(3, name: nil)),
                Step(id: 267, task: 0, .receiveWaiting(17408)),
                Step(id: 499, task: 0, .allocate(1, name: nil)),
                Step(id: 500, task: 0, .request(127744, 72, sync: 4, notify: 127744, 21)),
                Step(id: 527, task: 0, .moveMember(127744, 17408)),
                Step(id: 539, task: 0, .send(Parcel(127744, 20, id: 1538, [.right(127744, 16)]), awaitsRoom: false)),
            ]),
        Found(
            what: "a send-once right dies in the queue of a port that never left (D3)",
            program: [
                Step(id: 1, task: 0, .begin),
                Step(id: 2, task: 1, .begin),
                Step(id: 3, task: 0, .allocate(1, name: nil)),
                Step(id: 4, task: 0, .give(768, 20, to: 1)),
                Step(id: 5, task: 0, .allocate(1, name: nil)),
                Step(id: 6, task: 0, .send(Parcel(1280, 20, reply: 768, 21, id: 1006, [.right(768, 21)]), awaitsRoom: false)),
                Step(id: 7, task: 0, .destroy(768)),
                Step(id: 8, task: 0, .receive(1280, room: 70000, keepsLarge: false)),
            ]),
        Found(
            what: "what lies in a lease behind home messages of its sender is not the next (O1)",
            program: [
                Step(id: 1, task: 0, .begin),
                Step(id: 2, task: 1, .begin),
                Step(id: 3, task: 0, .allocate(1, name: nil)),
                Step(id: 4, task: 0, .give(768, 20, to: 1)),
                Step(id: 5, task: 1, .send(Parcel(1024, 19, id: 1005, [.words([5])]), awaitsRoom: false)),
                Step(id: 6, task: 0, .receive(768, room: 70000, keepsLarge: false)),
                Step(id: 7, task: 1, .send(Parcel(1024, 19, id: 1007, [.words([7])]), awaitsRoom: false)),
                Step(id: 8, task: 0, .receive(768, room: 70000, keepsLarge: false)),
                Step(id: 9, task: 1, .send(Parcel(1024, 19, id: 1009, [.memory(9, count: 9, deallocates: false)]), awaitsRoom: false)),
                Step(id: 10, task: 1, .send(Parcel(1024, 19, id: 1010, [.memory(10, count: 10, deallocates: false)]), awaitsRoom: false)),
                Step(id: 11, task: 0, .receive(768, room: 70000, keepsLarge: false)),
                Step(id: 12, task: 1, .send(Parcel(1024, 19, id: 1012, []), awaitsRoom: false)),
                Step(id: 13, task: 0, .peek(768)),
            ]),
    ]

    @Test("programs that the model has found", arguments: all)
    func agree(found: Found) async throws {
        try await onThread {
            for leases in TestNode.Leases.allCases {
                let failure = try Play(found.program, form: found.form, leases: leases, seed: 1).failure
                #expect(failure == nil, "leases \(leases)")
            }
        }
    }
}
