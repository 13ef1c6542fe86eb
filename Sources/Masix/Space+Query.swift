import MasixLinux
package import MasixTransport
import MasixWire
import SystemPackage

// What people ask of a node: tables, counters, traces. Tasks see nothing of each other by it that they may not see.

extension Space {
    /// Asks the nucleus and waits for its answer, which it gives at once.
    package func query(_ query: Query) throws(MasixError) -> MasixTransport.Answer {
        try checkFork()
        return try connection.withCore { core throws(MasixError) in try core.ask(query) }
    }
}

extension Connection.Core {
    fileprivate mutating func ask(_ query: Query) throws(MasixError) -> MasixTransport.Answer {
        guard !isGone else { throw .nodeGone }
        do throws(Errno) {
            try MessageSocket.send(on: socket.raw, Envelope(number: 0, content: query).wireBytes, wait: true)
            while true {
                let datagram = try Datagram.receive(on: socket.raw, max: Envelope<MasixTransport.Answer>.bytesMax)
                // A restarted nucleus repeats its last answer to a request, which has a number (decision 0004).
                var reader = WireReader(datagram.bytes)
                guard let number = try? reader.read(UInt64.self) else { throw .protocolError }
                guard number == 0 else { continue }
                guard let envelope = try? Envelope<MasixTransport.Answer>(wireBytes: datagram.bytes) else { throw .protocolError }
                return envelope.content
            }
        } catch {
            isGone = true
            throw .nodeGone
        }
    }
}
