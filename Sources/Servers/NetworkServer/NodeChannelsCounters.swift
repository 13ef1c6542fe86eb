public import MasixNetwork

/// What has happened so far.
public struct NodeChannelsCounters: Hashable, Sendable {
    /// Refusals by us, by what is counted.
    public internal(set) var refusals: [ChannelRefusal.Kind: UInt64] = [:]
    /// Of the refusals for what frames said: what it was.
    public internal(set) var violations: [String: UInt64] = [:]
    /// TLS handshakes that came to an agreement, on both sides of dialling.
    public internal(set) var handshakes: UInt64 = 0
    /// Dials that were begun, and those that failed.
    public internal(set) var dials: UInt64 = 0
    public internal(set) var dialsFailed: UInt64 = 0
    /// Connections that others made, refused ones too.
    public internal(set) var accepted: UInt64 = 0
    /// Connections that have not yet said who they are.
    public internal(set) var halfOpen = 0
    /// By the number of the peer. Only nodes of the roster are here.
    public internal(set) var peers: [UInt32: Traffic] = [:]

    /// Frames without control frames; bytes of frames without their lengths.
    public struct Traffic: Hashable, Sendable {
        public internal(set) var framesSent: UInt64 = 0
        public internal(set) var bytesSent: UInt64 = 0
        public internal(set) var framesReceived: UInt64 = 0
        public internal(set) var bytesReceived: UInt64 = 0
        /// Frames that came again after a cut, and were dropped.
        public internal(set) var framesRepeated: UInt64 = 0
        /// How often a session has begun.
        public internal(set) var ups: UInt64 = 0
        /// How often one went on over another connection.
        public internal(set) var resumptions: UInt64 = 0
    }
}
