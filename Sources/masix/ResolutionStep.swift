import Masix
import MasixKernel
import MasixTransport

/// A step of the paper's figure 2: a task A of this node finds a name, perhaps of another node.
///
/// Messages are told by their codes and by who sent and who received them. Nobody but the supervisor's own children is taken for the name
/// server or the network server, whatever he calls himself. What is asked is not seen: a request that stays on the node has steps 1 and 8
/// too, whether it is a look-up or not.
enum ResolutionStep: Int {
    case ask = 1
    case askNetwork, askNode, askThere, answerThere, answerNode, answerNetwork, answer

    init?(_ event: TraceEvent, _ people: [TaskID: TaskIdentity]) {
        func role(_ task: TaskID?) -> String? {
            guard let task, let identity = people[task], identity.launched else { return nil }
            return identity.name
        }
        switch event.kind {
        case .frameSent, .frameReceived: self.init(rawValue: Int(event.code))
        case .received:
            switch (event.code, role(event.peer), role(event.task)) {
            case (NameRequest.code, "network", "names"): self = .askThere
            case (NameRequest.code, "names", "network"): self = .answerThere
            case (NameRequest.code, _, "names"): self = .ask
            case (NameRequest.code, "names", _): self = .answer
            case (ResolverQuestion.code, "names", "network"): self = .askNetwork
            case (ResolverQuestion.code, "network", "names"): self = .answerNetwork
            default: return nil
            }
        default: return nil
        }
    }

    /// As in the figure: N is a name server, R a network server, a is this node and b the other; steps 4 and 5 are seen on b.
    var words: String {
        switch self {
        case .ask: "step 1: A -> Na"
        case .askNetwork: "step 2: Na -> Ra"
        case .askNode: "step 3: Ra -> Rb"
        case .askThere: "step 4: Rb -> Nb"
        case .answerThere: "step 5: Nb -> Rb"
        case .answerNode: "step 6: Rb -> Ra"
        case .answerNetwork: "step 7: Ra -> Na"
        case .answer: "step 8: Na -> A"
        }
    }
}
