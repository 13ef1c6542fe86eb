import FoundationEssentials
import MasixLinux
public import MasixNetwork
import SystemPackage

extension NodeNetworkFile {
    /// What is in this state directory; nil if the node has not been made to speak with others.
    public static func read(in state: String) throws(SupervisorError) -> NodeNetworkFile? {
        let path = "\(state)/\(fileName)"
        let bytes: [UInt8]?
        do throws(Errno) { bytes = try File.contentsIfThere(path, max: 1 << 16) } catch { throw .file(path: path, error) }
        guard let bytes else { return nil }
        let network: NodeNetworkFile
        do { network = try JSONDecoder().decode(NodeNetworkFile.self, from: Data(bytes)) } catch {
            throw .unreadable(path: path, why: "no object with number, name and listen: \(error)")
        }
        if let fault = network.fault { throw .unreadable(path: path, why: "\(fault)") }
        return network
    }
}
