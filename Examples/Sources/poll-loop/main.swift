import Glibc
import Masix

// A program with an event loop of its own: it waits in poll(2) for lines of its standard input and for messages, whichever comes.

/// Everything that is there now. The descriptor says "look", not "one message": look until nothing is left, then poll again.
func serve(_ port: borrowing ReceiveRight) throws {
    while var message = try port.tryReceive() {
        print("message: \(message.text ?? "?")")
        if let reply = message.takeReply() { try reply.send(Message(text: "seen")) }
    }
}

func loop() throws {
    let space = try Space.attach()
    let port = try space.names.register("poll-loop")
    let news = try space.pollableDescriptor()
    print("ready")
    fflush(nil)
    while true {
        try serve(port)
        var watched = [pollfd(fd: 0, events: Int16(POLLIN), revents: 0), pollfd(fd: news, events: Int16(POLLIN), revents: 0)]
        guard poll(&watched, nfds_t(watched.count), -1) >= 0 || errno == EINTR else { return perror("poll") }
        guard watched[0].revents != 0 else { continue }
        guard let line = readLine() else { return print("end of input") }
        print("line: \(line)")
        fflush(nil)
    }
}

do {
    try loop()
} catch {
    print("poll-loop: \(error)")
}
