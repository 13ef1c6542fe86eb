import MasixNetwork
import NIOCore
import NIOSSL

/// TLS as nodes speak it: version 1.3, X25519 with ML-KEM-768, Ed25519 on both sides, and nothing else to choose from.
///
/// There is no resumption: the library offers no ticket as a client, and a connection whose certificate has not been judged here is
/// refused at the end of its handshake.
struct NodeTLS {
    static let applicationProtocol = "masix/1"

    private let client: NIOSSLContext
    private let server: NIOSSLContext

    init(_ key: NodeKey) throws {
        let certificate = NIOSSLCertificateSource.certificate(try key.certificate())
        let own = NIOSSLPrivateKeySource.privateKey(try key.privateKey())
        var server = TLSConfiguration.makeServerConfiguration(certificateChain: [certificate], privateKey: own)
        var client = TLSConfiguration.makeClientConfiguration()
        client.certificateChain = [certificate]
        client.privateKey = own
        Self.restrict(&server)
        Self.restrict(&client)
        self.client = try NIOSSLContext(configuration: client)
        self.server = try NIOSSLContext(configuration: server)
    }

    private static func restrict(_ configuration: inout TLSConfiguration) {
        configuration.minimumTLSVersion = .tlsv13
        configuration.curves = [.x25519_MLKEM768]
        configuration.verifySignatureAlgorithms = [.ed25519]
        configuration.signingSignatureAlgorithms = [.ed25519]
        configuration.applicationProtocols = [applicationProtocol]
        // The other side must show a certificate; what is thought of it is said by the judge alone.
        configuration.certificateVerification = .noHostnameVerification
        configuration.trustRoots = .certificates([])
        configuration.renegotiationSupport = .none
        configuration.shutdownTimeout = .seconds(1)
    }

    /// `judge` says whether a certificate will do; it is asked once, on the event loop.
    func handler(dialling: Bool, judge: @escaping ([NIOSSLCertificate]) -> Bool) throws -> NIOSSLHandler {
        let callback: NIOSSLCustomVerificationCallback = { certificates, promise in
            promise.succeed(judge(certificates) ? .certificateVerified : .failed)
        }
        guard dialling else { return NIOSSLServerHandler(context: server, customVerificationCallback: callback) }
        return try NIOSSLClientHandler(context: client, serverHostname: nil, customVerificationCallback: callback)
    }
}
