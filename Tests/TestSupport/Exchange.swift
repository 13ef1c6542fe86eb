import Masix
import MasixLinux
import Synchronization

/// The smallest server by which tasks of a bare node meet: it keeps a send right under a number until somebody calls for it.
final class Exchange: Sendable {
    private let next = Atomic<UInt32>(1)
    private static let withdrawal: UInt32 = 1 << 31

    init(_ space: Space) throws {
        let port = try space.makePort()
        try space.setBootstrap(port)
        let boxed = Mutex<ReceiveRight?>(port)
        try DetachedThread.start("exchange") {
            guard let port = boxed.withLock({ $0.take() }) else { return }
            var kept: [UInt32: KeptRight] = [:]
            // Ends when the node does.
            while var message = try? port.receive() {
                if message.code & Self.withdrawal == 0 {
                    if let right = message.takeSendRight() { kept[message.code] = KeptRight(right) }
                    continue
                }
                var answer = Message()
                if let right = kept.removeValue(forKey: message.code & ~Self.withdrawal)?.take() { answer.attach(right) }
                let reply = message.takeReply()
                try? reply?.send(answer)
            }
        }
    }

    func pass(_ right: consuming SendRight, from giver: Space, to taker: Space) throws -> SendRight {
        let number = next.add(1, ordering: .relaxed).newValue
        try Self.deposit(right, as: number, from: giver)
        guard let right = try Self.withdraw(number, for: taker) else { throw MasixError.malformedMessage }
        return right
    }

    static func deposit(_ right: consuming SendRight, as number: UInt32, from giver: Space) throws {
        var deposit = Message(code: number)
        deposit.attach(right)
        try giver.bootstrap().send(deposit, timeout: .seconds(10))
    }

    static func withdraw(_ number: UInt32, for taker: Space) throws -> SendRight? {
        var answer = try taker.bootstrap().call(Message(code: number | withdrawal), timeout: .seconds(10))
        return answer.takeSendRight()
    }
}

/// A move-only right inside a dictionary.
private final class KeptRight: Sendable {
    private let right: Mutex<SendRight?>
    init(_ right: consuming SendRight) { self.right = Mutex(right) }
    func take() -> SendRight? { right.withLock { $0.take() } }
}
