import Masix
import MasixLinux
import MasixMach

// `mach_msg` in both dialects (spec/mach.md 1.4): headers out of the program's memory and back into it.

/// Where the fields of a header lie.
private struct Layout {
    let dialect: Dialect
    let headerBytes: Int
    let remote = 8
    let local: Int
    let id: Int

    static let mach3 = Layout(dialect: .mach3, headerBytes: 32, local: 16, id: 28)
    static let xnu = Layout(dialect: .xnu, headerBytes: 24, local: 12, id: 20)
}

/// What the option bits say (spec/mach.md 1.13).
private struct Options {
    let bits: UInt32
    let dialect: Dialect

    var sends: Bool { bits & 0x1 != 0 }
    var receives: Bool { bits & 0x2 != 0 }
    var sendPatience: (Bool, Bool) { (bits & 0x10 != 0, bits & 0x40 != 0) }
    var receivePatience: (Bool, Bool) { (bits & 0x100 != 0, bits & 0x400 != 0) }
    var keepsLarge: Bool { bits & (dialect == .xnu ? 0x4 : 0x800) != 0 }
    var awaitsRoom: Bool { dialect == .xnu && bits & 0x80 != 0 }
    /// V8: gone from XNU.
    var tellsDeath: Bool { dialect == .mach3 && bits & 0x200 != 0 }
    var wantsIdentity: Bool { dialect == .xnu && bits & 0x8 != 0 }
    /// Elements of the trailer, 0 to 8.
    var trailerElements: Int { Int(bits >> 24 & 0xF) }

    /// V4: bytes of the trailer (1.12).
    var trailerBytes: Int {
        guard dialect == .xnu else { return 0 }
        switch trailerElements {
        case 0: return 8
        case 1: return 12
        case 2: return 20
        case 3: return 52
        case 4: return 60
        default: return 68
        }
    }

    /// There is one format of trailers.
    var isTrailerKnown: Bool { dialect != .xnu || bits >> 28 & 0xF == 0 }

    static func patience(_ flags: (Bool, Bool), _ timeout: UInt32) -> MachPatience {
        MachPatience(timeout: flags.0 ? timeout : nil, isInterruptible: flags.1)
    }
}

private func message(
    _ layout: Layout, at address: UInt64, _ bits: UInt32, _ sendSize: UInt32, _ receiveSize: UInt32, _ receiveName: PortName,
    _ timeout: UInt32, _ notify: PortName, receiveAt: UInt64
) -> UInt32 {
    let options = Options(bits: bits, dialect: layout.dialect)
    guard options.sends || options.receives else { return 0 }
    do throws(MachReturn) {
        let process: MachProcess
        do throws(MachReturn) { process = try MachProcess.shared() } catch {
            throw options.sends ? MachReturn.Send.invalidDestination : MachReturn.Receive.invalidName
        }
        if options.sends { try send(process.task, layout, options, address, Int(sendSize), timeout) }
        if options.receives { try receive(process.task, layout, options, receiveAt, Int(receiveSize), receiveName, timeout, notify) }
        return 0
    } catch {
        return error.rawValue
    }
}

private func send(
    _ task: MachTask, _ layout: Layout, _ options: Options, _ address: UInt64, _ size: Int, _ timeout: UInt32
) throws(MachReturn) {
    guard size >= layout.headerBytes, size & 3 == 0 else { throw MachReturn.Send.messageTooSmall }
    guard size - layout.headerBytes <= Limits.inlineBytesMax else {
        throw layout.dialect == .xnu ? MachReturn.Send.tooLarge : MachReturn.Send.noBuffer
    }
    var patience = Options.patience(options.sendPatience, timeout)
    patience.awaitsRoom = options.awaitsRoom
    let sent = OwnMemory.withBytes(address, size) { bytes in
        let header = MachHeader(
            bits: bytes.word(at: 0), remote: bytes.word(at: layout.remote), local: bytes.word(at: layout.local),
            id: bytes.word(at: layout.id))
        return task.send(header, bytes.extracting(droppingFirst: layout.headerBytes), patience, layout.dialect)
    }
    switch sent {
    case .sent: return
    case nil: throw MachReturn.Send.invalidData
    case .refused(let error): throw error
    case .returned(let error, let header, let body):
        guard var bytes = OwnMemory.read(address, size) else { throw error }
        bytes.put(header.bits, at: 0)
        bytes.put(header.remote, at: layout.remote)
        bytes.put(header.local, at: layout.local)
        bytes.replaceSubrange(layout.headerBytes..., with: body)
        _ = OwnMemory.write(bytes, to: address)
        throw error
    }
}

private func receive(
    _ task: MachTask, _ layout: Layout, _ options: Options, _ address: UInt64, _ size: Int, _ name: PortName, _ timeout: UInt32,
    _ notify: PortName
) throws(MachReturn) {
    guard options.isTrailerKnown else { throw MachReturn.Receive.invalidTrailer }
    // Before anything is taken: what has been given a name could not be told to anybody.
    guard size < 8 || OwnMemory.isWritable(address, min(size, layout.headerBytes)) else { throw MachReturn.Receive.invalidData }
    let room = size - layout.headerBytes - options.trailerBytes
    let reception = task.receive(
        from: name, room: room, keepsLarge: options.keepsLarge, notify: options.tellsDeath && notify != .null ? notify : nil,
        Options.patience(options.receivePatience, timeout), layout.dialect)
    switch reception {
    case .refused(let error): throw error
    case .tooLarge(let needed, let port):
        var bytes = [UInt8](repeating: 0, count: min(max(8, size), layout.headerBytes))
        bytes.put(UInt32(needed), at: 4)
        if options.wantsIdentity, bytes.count >= layout.local + 4 { bytes.put(port, at: layout.local) }
        _ = OwnMemory.write(bytes, to: address)
        throw MachReturn.Receive.tooLarge
    case .destroyed(let received):
        if size >= layout.headerBytes {
            let head = header(received, layout)
            _ = OwnMemory.write(layout.headerBytes, of: head, RawSpan(), zeros: 0, 0, of: head, to: address)
        }
        throw MachReturn.Receive.tooLarge
    case .message(let received):
        let (head, tail) = (header(received, layout), trailer(received, options))
        let isWritten = received.withBody { body in
            OwnMemory.write(
                layout.headerBytes, of: head, body, zeros: received.zeros, options.trailerBytes, of: tail, to: address)
        }
        guard isWritten else { throw MachReturn.Receive.invalidData }
        if received.outcome != .success { throw received.outcome }
    }
}

/// The words of a header, of which the dialect takes as many as it has. In Mach 3 the ports take two each.
private func header(_ received: borrowing MachReceived, _ layout: Layout) -> InlineArray<8, UInt32> {
    let (header, size) = (received.header, UInt32(layout.headerBytes + received.bodyCount))
    guard layout.dialect == .mach3 else { return [header.bits, size, header.remote, header.local, 0, header.id, 0, 0] }
    guard let payload = received.payload else {
        return [header.bits, size, header.remote, 0, header.local, 0, received.sequence, header.id]
    }
    return [
        header.bits & ~0xFF00 | 23 << 8, size, header.remote, 0, UInt32(truncatingIfNeeded: payload),
        UInt32(truncatingIfNeeded: payload >> 32), received.sequence, header.id,
    ]
}

/// 1.12. The words of the largest trailer; Mach 3 has none.
private func trailer(_ received: borrowing MachReceived, _ options: Options) -> InlineArray<17, UInt32> {
    var words = InlineArray<17, UInt32>(repeating: 0)
    let count = options.trailerBytes
    words[1] = UInt32(count)
    words[2] = received.sequence
    guard count >= 20 else { return words }
    if let sender = received.sender {
        let process = UInt32(bitPattern: sender.pid)
        words[3] = sender.uid
        words[4] = sender.gid
        // Audit user, effective user and group, real user and group, process; session and version of the process are 0 (1.14).
        for (place, word) in [sender.uid, sender.uid, sender.gid, sender.uid, sender.gid, process].enumerated() { words[5 + place] = word }
    }
    words[13] = UInt32(truncatingIfNeeded: received.context)
    words[14] = UInt32(truncatingIfNeeded: received.context >> 32)
    return words
}

// MARK: what programs call

@_cdecl("mach_msg")
public func mach3Message(
    _ message: UInt, _ options: UInt32, _ sendSize: UInt32, _ receiveSize: UInt32, _ receiveName: UInt32, _ timeout: UInt32,
    _ notify: UInt32
) -> UInt32 {
    MasixMachInterface.message(
        .mach3, at: UInt64(message), options, sendSize, receiveSize, receiveName, timeout, notify, receiveAt: UInt64(message))
}

@_cdecl("mach_msg_trap")
public func mach3Trap(
    _ message: UInt, _ options: UInt32, _ sendSize: UInt32, _ receiveSize: UInt32, _ receiveName: UInt32, _ timeout: UInt32,
    _ notify: UInt32
) -> UInt32 {
    // What the trap does not do again is what an interruption ends (S6).
    mach3Message(message, options | 0x440, sendSize, receiveSize, receiveName, timeout, notify)
}

@_cdecl("mach_msg_overwrite")
public func mach3Overwrite(
    _ message: UInt, _ options: UInt32, _ sendSize: UInt32, _ receiveSize: UInt32, _ receiveName: UInt32, _ timeout: UInt32,
    _ notify: UInt32, _ receiveMessage: UInt, _ receiveLimit: UInt32
) -> UInt32 {
    MasixMachInterface.message(
        .mach3, at: UInt64(message), options, sendSize, receiveSize, receiveName, timeout, notify,
        receiveAt: UInt64(receiveMessage == 0 ? message : receiveMessage))
}

@_cdecl("masix_xnu_mach_msg")
public func xnuMessage(
    _ message: UInt, _ options: UInt32, _ sendSize: UInt32, _ receiveSize: UInt32, _ receiveName: UInt32, _ timeout: UInt32,
    _ notify: UInt32
) -> UInt32 {
    MasixMachInterface.message(
        .xnu, at: UInt64(message), options, sendSize, receiveSize, receiveName, timeout, notify, receiveAt: UInt64(message))
}

@_cdecl("masix_xnu_mach_msg_trap")
public func xnuTrap(
    _ message: UInt, _ options: UInt32, _ sendSize: UInt32, _ receiveSize: UInt32, _ receiveName: UInt32, _ timeout: UInt32,
    _ notify: UInt32
) -> UInt32 {
    xnuMessage(message, options | 0x440, sendSize, receiveSize, receiveName, timeout, notify)
}

@_cdecl("masix_xnu_mach_msg_overwrite")
public func xnuOverwrite(
    _ message: UInt, _ options: UInt32, _ sendSize: UInt32, _ receiveSize: UInt32, _ receiveName: UInt32, _ timeout: UInt32,
    _ notify: UInt32, _ receiveMessage: UInt, _ receiveLimit: UInt32
) -> UInt32 {
    MasixMachInterface.message(
        .xnu, at: UInt64(message), options, sendSize, receiveSize, receiveName, timeout, notify,
        receiveAt: UInt64(receiveMessage == 0 ? message : receiveMessage))
}
