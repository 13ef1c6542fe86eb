/// What a call of Mach answers (spec/mach.md 1.13). Thrown, where it is not success.
package struct MachReturn: RawRepresentable, Error, Hashable, Sendable {
    package let rawValue: UInt32
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    package static let success = MachReturn(rawValue: 0)
    package static let invalidAddress = MachReturn(rawValue: 1)
    package static let noSpace = MachReturn(rawValue: 3)
    package static let invalidArgument = MachReturn(rawValue: 4)
    package static let failure = MachReturn(rawValue: 5)
    package static let resourceShortage = MachReturn(rawValue: 6)
    package static let alreadyInSet = MachReturn(rawValue: 11)
    package static let notInSet = MachReturn(rawValue: 12)
    package static let nameExists = MachReturn(rawValue: 13)
    package static let invalidName = MachReturn(rawValue: 15)
    package static let invalidTask = MachReturn(rawValue: 16)
    package static let invalidRight = MachReturn(rawValue: 17)
    package static let invalidValue = MachReturn(rawValue: 18)
    package static let urefsOverflow = MachReturn(rawValue: 19)
    package static let invalidCapability = MachReturn(rawValue: 20)
    package static let rightExists = MachReturn(rawValue: 21)

    /// What a send answers.
    package enum Send {
        package static let invalidData = MachReturn(rawValue: 0x1000_0002)
        package static let invalidDestination = MachReturn(rawValue: 0x1000_0003)
        package static let timedOut = MachReturn(rawValue: 0x1000_0004)
        package static let interrupted = MachReturn(rawValue: 0x1000_0007)
        package static let messageTooSmall = MachReturn(rawValue: 0x1000_0008)
        package static let invalidReply = MachReturn(rawValue: 0x1000_0009)
        package static let invalidRight = MachReturn(rawValue: 0x1000_000A)
        package static let invalidMemory = MachReturn(rawValue: 0x1000_000C)
        package static let noBuffer = MachReturn(rawValue: 0x1000_000D)
        /// XNU alone.
        package static let tooLarge = MachReturn(rawValue: 0x1000_000E)
        package static let invalidType = MachReturn(rawValue: 0x1000_000F)
        package static let invalidHeader = MachReturn(rawValue: 0x1000_0010)
    }

    /// What a reception answers.
    package enum Receive {
        package static let invalidName = MachReturn(rawValue: 0x1000_4002)
        package static let timedOut = MachReturn(rawValue: 0x1000_4003)
        package static let tooLarge = MachReturn(rawValue: 0x1000_4004)
        package static let interrupted = MachReturn(rawValue: 0x1000_4005)
        package static let portChanged = MachReturn(rawValue: 0x1000_4006)
        package static let invalidData = MachReturn(rawValue: 0x1000_4008)
        package static let portDied = MachReturn(rawValue: 0x1000_4009)
        package static let inSet = MachReturn(rawValue: 0x1000_400A)
        package static let invalidNotify = MachReturn(rawValue: 0x1000_4007)
        package static let headerError = MachReturn(rawValue: 0x1000_400B)
        package static let bodyError = MachReturn(rawValue: 0x1000_400C)
        package static let invalidTrailer = MachReturn(rawValue: 0x1000_400F)
    }
}

/// Which of Mach's two forms a program speaks: chosen by the header that it includes.
package enum Dialect: Sendable {
    /// Typed messages, as CMU Mach 3 and GNU Mach have them.
    case mach3
    /// Complex messages, as OSF and XNU have them.
    case xnu

    /// Bytes of a message's header.
    var headerBytes: Int {
        switch self {
        case .mach3: 32
        case .xnu: 24
        }
    }

    var queueLimitMax: UInt32 {
        switch self {
        case .mach3: 16
        case .xnu: 1024
        }
    }

    /// Header bits that nobody may set (spec/mach.md 1.14, S2).
    var badBits: UInt32 {
        switch self {
        case .mach3: 0x07FF_0000
        case .xnu: ~0x801F_1F1F
        }
    }
}

/// A name of the task's name space (N1).
package typealias PortName = UInt32

extension PortName {
    package static let null: PortName = 0
    package static let dead: PortName = .max
    var isValid: Bool { self != .null && self != .dead }
}

/// What a message does with a right that it names (spec/mach.md 1.3).
package enum Disposition: UInt32, Sendable {
    case moveReceive = 16
    case moveSend = 17
    case moveSendOnce = 18
    case copySend = 19
    case makeSend = 20
    case makeSendOnce = 21

    /// A right that messages can be sent to comes of it.
    var isSendType: Bool { self != .moveReceive }

    /// What the receiver sees.
    package var arrived: UInt32 {
        switch self {
        case .moveReceive: 16
        case .moveSend, .copySend, .makeSend: 17
        case .moveSendOnce, .makeSendOnce: 18
        }
    }

    /// The right exists already, so that a dead one can stand for it (D1).
    var names: Bool {
        switch self {
        case .moveSend, .copySend, .moveSendOnce: true
        case .moveReceive, .makeSend, .makeSendOnce: false
        }
    }
}

/// A kind of right, as calls name it (N2, N3).
package enum RightKind: UInt32, Sendable {
    case send = 0
    case receive = 1
    case sendOnce = 2
    case portSet = 3
    case deadName = 4

    /// Its bit in the type of a name (N5).
    package var typeBit: UInt32 { 1 << (rawValue + 16) }
}

/// The bit of a name with a dead-name request (N5).
package let deadNameRequestBit: UInt32 = 0x8000_0000

/// The bit of a name with a send-possible request (N5, XNU).
package let sendPossibleRequestBit: UInt32 = 0x4000_0000
