import Glibc
import Masix
import MasixProtocols

// A program for tests of whole nodes. What it is to do, its first word says:
//
//   serve NAME        registers NAME and answers every call with "PID: TEXT"; "exit N" ends it with N, unanswered
//   ask NAME TEXT     calls NAME, prints the answer
//   take NAME         registers NAME with `replace`, and ends
//   stop-node         asks the supervisor to end the node

let words = Array(CommandLine.arguments.dropFirst())
let space = try Space.attach()
switch (words.first, words.count) {
case ("serve", 2):
    let door = try space.names.register(words[1])
    while true {
        var question = try door.receive()
        let text = question.text ?? ""
        if text.hasPrefix("exit "), let code = Int32(text.dropFirst(5)) { exit(code) }
        if let reply = question.takeReply() { try reply.send(Message(text: "\(space.identity.pid): \(text)")) }
    }
case ("ask", 3):
    let server = try space.names.lookUp(words[1], wait: true, timeout: .seconds(10))
    let answer = try server.call(Message(text: words[2]), timeout: .seconds(10))
    print(answer.text ?? "")
case ("take", 2):
    do {
        let door = try space.names.register(words[1], replace: true)
        door.close()
        print("taken")
    } catch {
        print(error)
        exit(2)
    }
case ("stop-node", 1):
    do {
        try SupervisorClient(space).stop()
    } catch {
        print(error)
        exit(2)
    }
default:
    print("unknown words: \(words)")
    exit(64)
}
