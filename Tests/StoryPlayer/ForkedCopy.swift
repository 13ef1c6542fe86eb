import Glibc
import Masix

/// Architecture rule 20: a forked copy of a task is told so by every call, and leaves the task's rights alone.
func checkForkedCopy(of space: Space) throws {
    let port = try space.makePort()
    let right = try port.makeSendRight()
    try right.send(Message(text: "before"))
    // Swift hides `fork` since most uses are wrong; this copy calls the library, which refuses, and ends in _exit.
    guard let symbol = unsafe dlsym(nil, "fork") else { fail("no fork") }
    let fork = unsafe unsafeBitCast(symbol, to: (@convention(c) () -> Int32).self)
    let pid = fork()
    if pid == 0 { _exit(refusals(space, port, right)) }
    var status: Int32 = 0
    // One number, ours.
    guard unsafe waitpid(pid, &status, 0) == pid else { fail("the copy is lost") }
    guard status == 0 else { fail("the copy ended with \(status >> 8), signal \(status & 0x7F)") }
    // The copy's end has taken nothing from us.
    guard try port.receive(timeout: .zero).text == "before" else { fail("another message") }
    try right.send(Message(text: "after"))
    guard try port.receive(timeout: .seconds(5)).text == "after" else { fail("another message") }
}

/// 0, or the number of the first call that was not refused.
private func refusals(_ space: Space, _ port: borrowing ReceiveRight, _ right: borrowing SendRight) -> Int32 {
    var number: Int32 = 0
    for call in 0..<5 {
        number += 1
        do throws(MasixError) {
            switch call {
            case 0: try right.send(Message(), timeout: .zero)
            case 1: _ = try right.call(Message(), timeout: .zero)
            case 2: _ = try port.receive(timeout: .zero)
            case 3: _ = try space.makePort()
            default: _ = try space.makePortSet().receive(timeout: .zero)
            }
            return number
        } catch {
            guard error == .forked else { return number + 100 }
        }
    }
    // Letting rights go in the copy must not touch the kernel.
    right.copy().close()
    return 0
}
