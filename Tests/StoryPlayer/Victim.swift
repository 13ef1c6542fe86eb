import Masix
import MasixLinux
import MasixTestKit

/// A task that does one thing without end, to be killed at it.
struct Victim {
    enum Way: String {
        /// Answers calls.
        case serve
        /// Takes calls and answers none.
        case hoard
        /// Sends numbered messages.
        case send
        /// Calls.
        case call
        /// Sends rights and memory of its own.
        case give
    }

    private let space: Space
    private let meeting: MeetingPlace
    private let number: String

    init(_ space: Space, number: String) {
        self.space = space
        self.number = number
        meeting = MeetingPlace(space)
    }

    func live(_ way: Way) throws {
        switch way {
        case .serve, .hoard:
            let door = try space.makePort()
            for client in 0..<3 { try meeting.leave(try door.makeSendRight(), as: "victim \(number)/\(client)") }
            var requests: [ReceivedMessageBox] = []
            while true {
                var request = try door.receive()
                if way == .hoard, request.code % 8 == 7 {
                    requests.append(ReceivedMessageBox(request))
                    continue
                }
                let reply = request.takeReply()
                try reply?.send(Message(code: request.code))
            }
        case .send:
            let target = try meeting.fetch("target \(number)")
            var code: UInt32 = 0
            while true {
                try target.send(Message(code: code, text: "message \(code)"))
                code += 1
            }
        case .call:
            let target = try meeting.fetch("target \(number)")
            var code: UInt32 = 0
            while true {
                let answer = try target.call(Message(code: code))
                guard answer.code == code else { fail("\(answer.code) instead of \(code)") }
                code += 1
            }
        case .give:
            let target = try meeting.fetch("target \(number)")
            var code: UInt32 = 0
            while true {
                let port = try space.makePort()
                var message = Message(code: code)
                message.attach(try port.makeSendRight())
                message.attach(try port.makeSendOnceRight())
                message.attach(try MemoryObject(bytes: [1, 2, 3]))
                if code % 2 == 0 { message.attach(port) }
                try target.send(message)
                code += 1
            }
        }
    }
}

/// A request that is kept, with its reply right.
final class ReceivedMessageBox: Sendable {
    private let message: ReceivedMessage
    init(_ message: consuming ReceivedMessage) { self.message = message }
}
