import Masix

// What the kernel tells about rights that others hold: a server learns that its last client has gone (no senders), a client that
// its server has gone (dead name), a caller that nobody will answer (send once). Two spaces here, as if they were two programs.

/// The notification that comes next at this port.
func nextNotification(at port: borrowing ReceiveRight) throws -> Notification? {
    let message = try port.receive(timeout: .seconds(5))
    return message.notification
}

func run() throws {
    let serverSpace = try Space.attach()
    let clientSpace = try Space.attach()
    let desk = try serverSpace.names.register("desk")

    // The client asks for a session: its message brings a right to answer.
    let answers = try clientSpace.makePort()
    var question = Message(text: "a session, please")
    question.attach(try answers.makeSendOnceRight())
    let server = try clientSpace.names.lookUp("desk")
    try server.send(question, timeout: .seconds(5))

    // The server makes a port for it, and wants to know when nobody holds a right to that port any more. `sync: 1`: not before one
    // right has been made.
    let serverNews = try serverSpace.makePort()
    let session = try serverSpace.makePort()
    try session.requestNoSenders(sync: 1, to: serverNews)
    var asked = try desk.receive(timeout: .seconds(5))
    print("server: \(asked.text ?? "?")")
    var answer = Message(text: "here it is")
    answer.attach(try session.makeSendRight())
    if let reply = asked.takeSendOnceRight() { try reply.send(answer) }

    // The client uses the session and lets it go. The message that it had sent comes first, then nothing more.
    var answered = try answers.receive(timeout: .seconds(5))
    if let right = answered.takeSendRight() {
        try right.send(Message(text: "work for the session"), timeout: .seconds(5))
        right.close()
    }
    let work = try session.receive(timeout: .seconds(5))
    print("server: \(work.text ?? "?")")
    if case .noSenders(let made) = try nextNotification(at: serverNews) { print("server: no senders; \(made) right was made") }

    // A client that holds a right may ask to be told of the port's death.
    let clientNews = try clientSpace.makePort()
    try server.requestDeadName(to: clientNews)
    let known = server.port
    var last = Message(text: "never answered")
    last.attach(try answers.makeSendOnceRight())
    try server.send(last, timeout: .seconds(5))
    desk.close()
    if case .deadName(let port, _) = try nextNotification(at: clientNews) { print("client: dead name, \(port == known ? "desk" : "?")") }

    // The right to answer died with the message that lay in the queue: its port is told.
    if case .sendOnce = try nextNotification(at: answers) { print("client: nobody will answer") }
    do {
        try server.send(Message())
    } catch {
        print("client: \(error)")
    }
}

do {
    try run()
} catch {
    print("notifications: \(error)")
}
