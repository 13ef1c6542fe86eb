import ArgumentParser
import FoundationEssentials
import MasixLinux
import MasixNetwork
import MasixNetworkServer
import SystemPackage

/// Where a node keeps what must outlive the machine's restart, if not in its own directory.
struct StateOption: ParsableArguments {
    @Option(name: .customLong("state"), help: ArgumentHelp("The node's state directory, if it has one of its own.", valueName: "dir"))
    var directory: String?

    func path(_ node: NodeOptions) -> String { directory ?? node.path }
}

/// What a node's state directory holds for speaking with other nodes: its key, what it is called, and its roster.
struct NetworkState {
    let directory: String

    init(_ directory: String) { self.directory = directory }

    private var keyPath: String { "\(directory)/\(NodeNetworkFile.keyFileName)" }
    private var networkPath: String { "\(directory)/\(NodeNetworkFile.fileName)" }
    private var rosterPath: String { "\(directory)/\(NodeNetworkFile.rosterFileName)" }

    // MARK: - The node itself

    /// Makes the key and writes down what the node is called. A key that is there stays: it is never overwritten.
    func make(_ network: NodeNetworkFile) throws(Complaint) {
        if try contents(networkPath) != nil {
            throw Complaint("\(networkPath) is there already: this node has been made to speak with others before", .cannotCreate)
        }
        do throws(Errno) {
            try NodeKey.make().write(to: keyPath)
        } catch .fileExists {
            // An earlier init did not come to its end, or somebody brought his key.
            _ = try key()
        } catch {
            throw Complaint(error, keyPath)
        }
        try write(network)
    }

    private func write(_ network: NodeNetworkFile) throws(Complaint) {
        var members: [(String, JSON)] = [("listen", JSON(network.listen)), ("name", JSON(network.name)), ("number", JSON(network.number))]
        if let announce = network.announce { members.append(("announce", JSON(announce))) }
        try write(Array((JSON.object(members).text + "\n").utf8), to: networkPath)
    }

    /// What the node tells all others of names from now on.
    func set(announce: String) throws(Complaint) {
        let old = try network()
        let new: NodeNetworkFile
        do throws(NodeRosterFault) {
            new = try NodeNetworkFile(number: old.number, name: old.name, listen: old.listen, announce: announce)
        } catch {
            throw Complaint("\(error)", .malformed)
        }
        try write(new)
    }

    /// As it is written down.
    func announce() throws(Complaint) -> String { "\(try network().announcements)" }

    func key() throws(Complaint) -> NodeKey {
        do throws(NodeKeyError) {
            return try NodeKey(file: keyPath)
        } catch .file(.noSuchFileOrDirectory) {
            throw Self.notMade(directory)
        } catch .file(let error) {
            throw Complaint(error, keyPath)
        } catch {
            throw Complaint("\(keyPath): \(error)", .malformed)
        }
    }

    private func network() throws(Complaint) -> NodeNetworkFile {
        guard let bytes = try contents(networkPath) else { throw Self.notMade(directory) }
        let network: NodeNetworkFile
        do { network = try JSONDecoder().decode(NodeNetworkFile.self, from: Data(bytes)) } catch {
            throw Complaint("\(networkPath): this is no JSON object with number, name and listen", .malformed)
        }
        if let fault = network.fault { throw Complaint("\(networkPath): \(fault)", .malformed) }
        return network
    }

    private static func notMade(_ directory: String) -> Complaint {
        Complaint(
            "the node in \(directory) does not speak with others: `masix node init --listen HOST:PORT --name NAME --number N` makes it ready",
            .notFound)
    }

    /// The node as others write it down. `address` where it is not the one that the node listens on.
    func entry(address given: String? = nil, epoch: UInt64 = 1, expires: UInt64? = nil) throws(Complaint) -> NodeRosterEntry {
        let network = try network()
        let key = try key()
        guard given != nil || Self.canBeDialled(network) else {
            throw Complaint("the node listens on \(network.listen), which nobody can dial: say --address HOST:PORT", .usage)
        }
        do throws(NodeRosterFault) {
            let address = try NodeRosterEntry.address(given ?? network.listen)
            return try NodeRosterEntry(
                number: network.number, name: network.name, fingerprint: key.fingerprint, host: address.host, port: address.port,
                epoch: epoch, expires: expires)
        } catch {
            throw Complaint("\(error)", .malformed)
        }
    }

    /// Whether others can dial the address that is listened on.
    static func canBeDialled(_ network: NodeNetworkFile) -> Bool {
        guard let address = try? network.address() else { return false }
        return address.port > 0 && address.host != "0.0.0.0" && address.host != "::"
    }

    /// The node's own key as rosters have it; nil if it has none.
    var ownFingerprint: [UInt8]? { try? key().fingerprint }

    /// The node's own number among the others; nil if it has none.
    var ownNumber: UInt32? { try? network().number }

    // MARK: - The roster

    func roster() throws(Complaint) -> NodeRoster {
        guard let bytes = try contents(rosterPath) else { return NodeRoster() }
        do throws(NodeRosterError) { return try NodeRoster(text: bytes) } catch { throw Complaint("\(rosterPath): \(error)", .malformed) }
    }

    /// Changes the roster as a whole or not at all; whoever changes it at the same time is waited for.
    func changeRoster(_ change: (NodeRoster) throws(Complaint) -> NodeRoster) throws(Complaint) {
        let lock: Descriptor
        do throws(Errno) { lock = try File.open(directory, [.read, .directory]) } catch { throw Complaint(error, directory) }
        try take(lock.raw)
        try write(Array(try change(try roster()).description.utf8), to: rosterPath)
    }

    private func take(_ raw: Int32) throws(Complaint) {
        let word = FutexWord()
        do throws(Errno) {
            for _ in 0..<500 {
                if try File.tryLock(raw) { return }
                _ = try word.wait(while: 0, timeoutNanoseconds: 10_000_000)
            }
        } catch {
            throw Complaint(error, directory)
        }
        throw Complaint("\(directory): somebody else has been changing the roster for 5 s", .timedOut)
    }

    // MARK: - Files

    /// Nil if there is no such file.
    private func contents(_ path: String) throws(Complaint) -> [UInt8]? { try StateFile.contents(path, max: NodeRoster.bytesMax + 1) }

    private func write(_ bytes: [UInt8], to path: String) throws(Complaint) { try StateFile.replace(path, with: bytes) }
}
