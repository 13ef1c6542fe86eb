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
    /// Mach 3: the sequence number.
    let sequence: Int?
    let id: Int

    static let mach3 = Layout(dialect: .mach3, headerBytes: 32, local: 16, sequence: 24, id: 28)
    static let xnu = Layout(dialect: .xnu, headerBytes: 24, local: 12, sequence: nil, id: 20)
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
    guard var bytes = OwnMemory.read(address, size) else { throw MachReturn.Send.invalidData }
    let header = MachHeader(
        bits: bytes.word(at: 0), remote: bytes.word(at: layout.remote), local: bytes.word(at: layout.local), id: bytes.word(at: layout.id))
    let body = Array(bytes[layout.headerBytes...])
    var patience = Options.patience(options.sendPatience, timeout)
    patience.awaitsRoom = options.awaitsRoom
    switch task.send(header, body, patience, layout.dialect) {
    case .sent: return
    case .refused(let error): throw error
    case .returned(let error, let header, let body):
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
            _ = OwnMemory.write(header(received, layout, size: layout.headerBytes + received.body.count), to: address)
        }
        throw MachReturn.Receive.tooLarge
    case .message(let received):
        var bytes = header(received, layout, size: layout.headerBytes + received.body.count)
        bytes += received.body
        if layout.dialect == .xnu { bytes += trailer(received, options) }
        guard OwnMemory.write(bytes, to: address) else { throw MachReturn.Receive.invalidData }
        if received.outcome != .success { throw received.outcome }
    }
}

private func header(_ received: MachReceived, _ layout: Layout, size: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: layout.headerBytes)
    var bits = received.header.bits
    if layout.dialect == .mach3, let payload = received.payload {
        bits = bits & ~0xFF00 | 23 << 8
        bytes.put(payload, at: layout.local)
    } else {
        bytes.put(received.header.local, at: layout.local)
    }
    bytes.put(bits, at: 0)
    bytes.put(UInt32(size), at: 4)
    bytes.put(received.header.remote, at: layout.remote)
    if let place = layout.sequence { bytes.put(received.sequence, at: place) }
    bytes.put(received.header.id, at: layout.id)
    return bytes
}

/// 1.12.
private func trailer(_ received: MachReceived, _ options: Options) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: options.trailerBytes)
    bytes.put(UInt32(0), at: 0)
    bytes.put(UInt32(options.trailerBytes), at: 4)
    if bytes.count >= 12 { bytes.put(received.sequence, at: 8) }
    let (user, group, process) = received.sender.map { ($0.uid, $0.gid, UInt32(bitPattern: $0.pid)) } ?? (0, 0, 0)
    if bytes.count >= 20 {
        bytes.put(user, at: 12)
        bytes.put(group, at: 16)
    }
    if bytes.count >= 52 {
        // Audit user, effective user and group, real user and group, process, session, version of the process (1.14).
        for (place, word) in [user, user, group, user, group, process, 0, 0].enumerated() { bytes.put(word, at: 20 + 4 * place) }
    }
    if bytes.count >= 60 { bytes.put(received.context, at: 52) }
    return bytes
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
