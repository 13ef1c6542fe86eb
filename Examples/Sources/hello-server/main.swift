import Masix

// Registers a name and answers every call, until it is ended.
let space = try Space.attach()
let port = try space.names.register("hello")
while true {
    var message = try port.receive()
    // Who called: not what the message claims, but what the node knows.
    let caller = try? message.senderIdentity()
    guard let reply = message.takeReply() else { continue }
    let words = "\(message.text ?? "?") to you too, \(caller?.name ?? "stranger")"
    try reply.send(Message(text: words))
}
