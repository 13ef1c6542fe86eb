public import MasixProtocols

/// Which servers are to run, and what is to be done so that they do.
///
/// Pure: it starts and ends nothing, and knows no clock. Times are milliseconds of any steady clock.
public struct Roster: Sendable {
    /// How long a server that was asked to end may take.
    public static let graceMilliseconds: UInt64 = 2_000

    public enum Event: Sendable {
        case add(ServerSpecification, Origin)
        case remove(String)
        case restart(String)
        /// The servers of the configuration file, all of them.
        case file([ServerSpecification])
        /// The action `launch` has been carried out.
        case started(String)
        /// It could not be.
        case failed(String, because: String)
        /// The process has ended.
        case ended(String, how: String, success: Bool)
        case time
        /// The node ends: everything stops, and nothing starts any more.
        case stop
    }

    /// Where a server comes from.
    public enum Origin: Hashable, Sendable {
        /// Part of every node.
        case node
        case file
        /// Added at run time.
        case message
    }

    public enum Action: Hashable, Sendable {
        case launch(ServerSpecification)
        /// Ask it to end.
        case terminate(String)
        case kill(String)
        /// Nothing is left of it.
        case forget(String)
        /// The node ends, and everything here has stopped.
        case allStopped
    }

    public struct Server: Sendable {
        public fileprivate(set) var specification: ServerSpecification
        public fileprivate(set) var origin: Origin
        public fileprivate(set) var state: State
        /// When it came into this state.
        public fileprivate(set) var since: UInt64
        public fileprivate(set) var restarts: UInt32 = 0
        public fileprivate(set) var lastEnd = ""
        fileprivate var backOff = BackOff()
        /// What it is to become when it has ended: nil for nothing at all.
        fileprivate var successor: ServerSpecification?

        public enum State: Hashable, Sendable {
            /// The action `launch` is under way.
            case starting
            case running
            /// Has ended, and will be started at this time.
            case waiting(until: UInt64)
            /// Has been asked to end, and will be killed at this time.
            case stopping(until: UInt64)
            /// Has been killed.
            case killed
            /// Has ended and stays so.
            case ended
        }

        fileprivate var isAlive: Bool {
            switch state {
            case .starting, .running, .stopping, .killed: true
            case .waiting, .ended: false
            }
        }
    }

    public private(set) var servers: [String: Server] = [:]
    private var isStopping = false
    private var hasStopped = false

    public init() {}

    /// When `time` must be said, if nothing else happens.
    public var nextTime: UInt64? {
        servers.values.compactMap {
            switch $0.state {
            case .waiting(let until), .stopping(let until): until
            case .starting, .running, .killed, .ended: nil
            }
        }.min()
    }

    public mutating func handle(_ event: Event, at now: UInt64) -> [Action] {
        var actions: [Action] = []
        switch event {
        case .add(let specification, let origin): actions = add(specification, origin, now)
        case .remove(let name): actions = end(name, then: nil, now)
        case .restart(let name):
            if let server = servers[name] { actions = end(name, then: server.successor ?? server.specification, now) }
        case .file(let specifications): actions = file(specifications, now)
        case .started(let name): if case .starting = servers[name]?.state { enter(.running, name, now) }
        case .failed(let name, let why): actions = ended(name, how: "could not be started: \(why)", success: false, now)
        case .ended(let name, let how, let success): actions = ended(name, how: how, success: success, now)
        case .time: actions = tick(now)
        case .stop:
            isStopping = true
            for name in servers.keys.sorted() { actions += end(name, then: nil, now) }
        }
        if isStopping, !hasStopped, servers.isEmpty {
            hasStopped = true
            actions.append(.allStopped)
        }
        return actions
    }

    private mutating func add(_ specification: ServerSpecification, _ origin: Origin, _ now: UInt64) -> [Action] {
        guard !isStopping, servers[specification.name] == nil else { return [] }
        servers[specification.name] = Server(specification: specification, origin: origin, state: .starting, since: now)
        return [.launch(specification)]
    }

    private mutating func enter(_ state: Server.State, _ name: String, _ now: UInt64) {
        servers[name]?.state = state
        servers[name]?.since = now
    }

    /// Ends a server; what it becomes then, perhaps nothing.
    private mutating func end(_ name: String, then successor: ServerSpecification?, _ now: UInt64) -> [Action] {
        guard let server = servers[name] else { return [] }
        servers[name]?.successor = successor
        switch server.state {
        case .starting, .running:
            enter(.stopping(until: now + Self.graceMilliseconds), name, now)
            return [.terminate(name)]
        case .stopping, .killed: return []
        case .waiting, .ended: return become(name, now)
        }
    }

    /// A server that does not run is replaced by its successor.
    private mutating func become(_ name: String, _ now: UInt64) -> [Action] {
        guard let successor = servers[name]?.successor, !isStopping else {
            servers[name] = nil
            return [.forget(name)]
        }
        servers[name]?.specification = successor
        servers[name]?.successor = nil
        servers[name]?.restarts += 1
        servers[name]?.backOff = BackOff()
        enter(.starting, name, now)
        return [.launch(successor)]
    }

    private mutating func ended(_ name: String, how: String, success: Bool, _ now: UInt64) -> [Action] {
        guard let server = servers[name], server.isAlive else { return [] }
        servers[name]?.lastEnd = how
        switch server.state {
        case .stopping, .killed: return become(name, now)
        case .starting, .running, .waiting, .ended: break
        }
        switch server.specification.restart {
        case .never:
            enter(.ended, name, now)
            return []
        case .onFailure where success:
            enter(.ended, name, now)
            return []
        case .onFailure, .always:
            var backOff = server.backOff
            let wait = backOff.wait(afterRunning: server.state == .running ? now - server.since : 0)
            servers[name]?.backOff = backOff
            enter(.waiting(until: now + wait), name, now)
            return []
        }
    }

    private mutating func tick(_ now: UInt64) -> [Action] {
        var actions: [Action] = []
        for (name, server) in servers.sorted(by: { $0.key < $1.key }) {
            switch server.state {
            case .waiting(let until) where until <= now:
                servers[name]?.restarts += 1
                enter(.starting, name, now)
                actions.append(.launch(server.specification))
            case .stopping(let until) where until <= now:
                enter(.killed, name, now)
                actions.append(.kill(name))
            case .starting, .running, .waiting, .stopping, .killed, .ended: break
            }
        }
        return actions
    }

    /// New ones start, those that are gone stop, changed ones are replaced; what was added at run time is left alone.
    private mutating func file(_ specifications: [ServerSpecification], _ now: UInt64) -> [Action] {
        var actions: [Action] = []
        var wanted: [String: ServerSpecification] = [:]
        for specification in specifications { wanted[specification.name] = specification }
        for (name, server) in servers.sorted(by: { $0.key < $1.key }) where server.origin == .file && wanted[name] == nil {
            actions += end(name, then: nil, now)
        }
        for (name, specification) in wanted.sorted(by: { $0.key < $1.key }) {
            guard let server = servers[name] else {
                actions += add(specification, .file, now)
                continue
            }
            guard server.origin == .file else { continue }
            if server.isAlive, server.successor == nil, case .stopping = server.state {
                // It was on its way out, and is wanted again.
                servers[name]?.successor = specification
            } else if server.specification != specification {
                actions += end(name, then: specification, now)
            }
        }
        return actions
    }
}
