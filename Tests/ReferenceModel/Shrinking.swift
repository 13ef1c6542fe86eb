/// Makes a failing program small: leaves out as many steps at a time as it can, again and again, and then makes what is left plainer.
public enum Shrinking {
    /// `fails` plays a program and says whether it still fails. At most `playsMax` plays.
    public static func shrink(_ program: [Step], playsMax: Int = 600, fails: ([Step]) -> Bool) -> [Step] {
        var program = program
        var plays = 0
        func stillFails(_ candidate: [Step]) -> Bool {
            guard plays < playsMax else { return false }
            plays += 1
            return fails(candidate)
        }
        var width = max(1, program.count / 2)
        while true {
            var start = 0
            var hasShrunk = false
            while start < program.count {
                let candidate = Array(program[..<start] + program[min(start + width, program.count)...])
                if stillFails(candidate) {
                    program = candidate
                    hasShrunk = true
                } else {
                    start += width
                }
            }
            if width == 1, !hasShrunk || plays >= playsMax { break }
            width = max(1, width / 2)
        }
        for place in program.indices {
            for plainer in plainer(program[place].call) {
                var candidate = program
                candidate[place].call = plainer
                if stillFails(candidate) { program = candidate }
            }
        }
        return program
    }

    /// The same call with less in it.
    private static func plainer(_ call: Call) -> [Call] {
        guard case .send(let parcel, let awaitsRoom) = call else { return [] }
        var candidates: [Call] = []
        for place in parcel.items.indices.reversed() {
            var less = parcel
            less.items.remove(at: place)
            candidates.append(.send(less, awaitsRoom: awaitsRoom))
        }
        var bare = parcel
        (bare.local, bare.localMove) = (nullName, 0)
        candidates.append(.send(bare, awaitsRoom: awaitsRoom))
        return candidates
    }

    /// The program as source, to be pasted into a test.
    public static func source(_ program: [Step]) -> String {
        let lines = program.map { step in
            "    Step(id: \(step.id), task: \(step.task), .\(step.call)),"
                .replacingOccurrences("MasixReferenceModel.Item.", with: ".")
                .replacingOccurrences("MasixReferenceModel.", with: "")
        }
        return "[\n" + lines.joined(separator: "\n") + "\n]"
    }
}

extension String {
    /// Without Foundation.
    fileprivate func replacingOccurrences(_ old: String, with new: String) -> String {
        split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
}
