public import MasixWire

/// That whoever has a token may become a node, as the administrator signs it for the members (spec/security.md 3.1).
public struct JoinGrant: SignedContent, Hashable {
    public static var magic: StaticString { "MSXJOIN1" }
    public static var label: StaticString { "masix/1/join-grant" }
    public static var payloadBytesMax: Int { 512 }

    public let cluster: ClusterID
    public let notBefore: WallTime
    public let notAfter: WallTime
    /// J.pub: whoever has the key of it has the token.
    public let token: VerificationKey
    public let number: UInt32
    public let name: NodeName

    /// Grants replace nothing.
    public var version: UInt64 { 1 }

    /// Throws what contradicts itself.
    public init(
        cluster: ClusterID, notBefore: WallTime, notAfter: WallTime, token: VerificationKey, number: UInt32, name: NodeName
    ) throws(WireError) {
        guard number > 0 else { throw .malformed(field: "number") }
        guard notBefore < notAfter else { throw .malformed(field: "time") }
        self.cluster = cluster
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.token = token
        self.number = number
        self.name = name
    }

    public func encode(into writer: inout WireWriter) {
        writer.write(cluster)
        writer.write(notBefore.seconds)
        writer.write(notAfter.seconds)
        writer.write(raw: token.bytes)
        writer.write(number)
        writer.write(name)
    }

    public init(from reader: inout WireReader) throws(WireError) {
        let cluster: ClusterID = try reader.read()
        let notBefore = WallTime(seconds: try reader.read())
        let notAfter = WallTime(seconds: try reader.read())
        guard let token = VerificationKey(try reader.readRaw(count: VerificationKey.count)) else { throw .malformed(field: "token") }
        try self.init(
            cluster: cluster, notBefore: notBefore, notAfter: notAfter, token: token, number: try reader.read(), name: try reader.read())
    }

    public func fault(after earlier: JoinGrant) -> String? { nil }
}
