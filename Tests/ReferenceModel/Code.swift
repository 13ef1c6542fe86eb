/// What a call answers: the numbers of spec/mach.md 1.13, written down once more.
public struct Code: RawRepresentable, Error, Hashable, Sendable, Comparable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    private init(_ rawValue: UInt32) { self.rawValue = rawValue }

    public static func < (left: Code, right: Code) -> Bool { left.rawValue < right.rawValue }

    public static let success = Code(0)
    static let invalidArgument = Code(4)
    static let failure = Code(5)
    static let alreadyInSet = Code(11)
    static let notInSet = Code(12)
    static let nameExists = Code(13)
    static let invalidName = Code(15)
    static let invalidRight = Code(17)
    static let invalidValue = Code(18)
    static let referencesOverflow = Code(19)
    static let invalidCapability = Code(20)
    static let rightExists = Code(21)

    static let sendInvalidDestination = Code(0x1000_0003)
    static let sendTimedOut = Code(0x1000_0004)
    static let sendTooSmall = Code(0x1000_0008)
    static let sendInvalidReply = Code(0x1000_0009)
    static let sendInvalidRight = Code(0x1000_000A)
    static let sendInvalidMemory = Code(0x1000_000C)
    static let sendNoBuffer = Code(0x1000_000D)
    static let sendTooLarge = Code(0x1000_000E)
    static let sendInvalidType = Code(0x1000_000F)
    static let sendInvalidHeader = Code(0x1000_0010)

    static let receiveInvalidName = Code(0x1000_4002)
    static let receiveTimedOut = Code(0x1000_4003)
    static let receiveTooLarge = Code(0x1000_4004)
    static let receivePortChanged = Code(0x1000_4006)
    static let receivePortDied = Code(0x1000_4009)
    static let receiveInSet = Code(0x1000_400A)

    /// All that spec/mach.md 1.13 lists, with their names.
    public static let names: [Code: String] = [
        success: "SUCCESS", Code(1): "INVALID_ADDRESS", Code(3): "NO_SPACE", invalidArgument: "INVALID_ARGUMENT", failure: "FAILURE",
        Code(6): "RESOURCE_SHORTAGE", alreadyInSet: "ALREADY_IN_SET", notInSet: "NOT_IN_SET", nameExists: "NAME_EXISTS",
        invalidName: "INVALID_NAME", Code(16): "INVALID_TASK", invalidRight: "INVALID_RIGHT", invalidValue: "INVALID_VALUE",
        referencesOverflow: "UREFS_OVERFLOW", invalidCapability: "INVALID_CAPABILITY", rightExists: "RIGHT_EXISTS",
        Code(0x1000_0002): "SEND_INVALID_DATA", sendInvalidDestination: "SEND_INVALID_DEST", sendTimedOut: "SEND_TIMED_OUT",
        Code(0x1000_0007): "SEND_INTERRUPTED", sendTooSmall: "SEND_MSG_TOO_SMALL", sendInvalidReply: "SEND_INVALID_REPLY",
        sendInvalidRight: "SEND_INVALID_RIGHT", sendInvalidMemory: "SEND_INVALID_MEMORY", sendNoBuffer: "SEND_NO_BUFFER",
        sendTooLarge: "SEND_TOO_LARGE", sendInvalidType: "SEND_INVALID_TYPE", sendInvalidHeader: "SEND_INVALID_HEADER",
        receiveInvalidName: "RCV_INVALID_NAME", receiveTimedOut: "RCV_TIMED_OUT", receiveTooLarge: "RCV_TOO_LARGE",
        Code(0x1000_4005): "RCV_INTERRUPTED", receivePortChanged: "RCV_PORT_CHANGED", Code(0x1000_4008): "RCV_INVALID_DATA",
        receivePortDied: "RCV_PORT_DIED", receiveInSet: "RCV_IN_SET", Code(0x1000_400B): "RCV_HEADER_ERROR",
        Code(0x1000_400C): "RCV_BODY_ERROR", Code(0x1000_400F): "RCV_INVALID_TRAILER",
    ]
}

/// Mach's two dialects, where they differ.
public enum Form: String, Sendable, CaseIterable {
    case mach3, xnu
}

/// What stands in the place of a right's name.
public typealias Name = UInt32
public let nullName: Name = 0
public let deadName: Name = .max

/// Dispositions (spec/mach.md 1.3).
public enum Move {
    public static let receive: UInt32 = 16
    public static let send: UInt32 = 17
    public static let sendOnce: UInt32 = 18
    public static let copySend: UInt32 = 19
    public static let makeSend: UInt32 = 20
    public static let makeSendOnce: UInt32 = 21
    public static let all: ClosedRange<UInt32> = 16...21

    /// What the receiver sees.
    static func arrived(_ move: UInt32) -> UInt32 {
        switch move {
        case receive: 16
        case sendOnce, makeSendOnce: 18
        default: 17
        }
    }
}
