// The two functions that libFuzzer calls. Which target is fed is said by the environment:
//
//   FUZZ_TARGET=name   feed this one
//   FUZZ_LIST=1        print the name, share and longest input of every target, and end
//   FUZZ_SEEDS=path    write the seeds of every target into directories below this path, and end

import Glibc
import MasixLinux

/// Chosen once, before the first input.
private nonisolated(unsafe) var chosen: Target?

@c(LLVMFuzzerInitialize)
public func prepare(
    _ count: UnsafeMutablePointer<CInt>?, _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>?
)
    -> CInt
{
    if variable("FUZZ_LIST") != nil {
        for target in Target.all { print(target.name, target.share, target.longest) }
        exit(0)
    }
    if let place = variable("FUZZ_SEEDS") {
        do { try Target.writeSeeds(below: place) } catch { complain("seeds: \(error)") }
        exit(0)
    }
    let name = variable("FUZZ_TARGET") ?? ""
    guard let target = Target.all.first(where: { $0.name == name }) else {
        complain("FUZZ_TARGET must be one of: \(Target.all.map(\.name).joined(separator: " "))")
    }
    // Nothing else runs yet.
    unsafe chosen = target
    return 0
}

@c(LLVMFuzzerTestOneInput)
public func feed(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // The fuzzer's buffer, over the call; `chosen` was set before the first one.
    unsafe chosen?.feed([UInt8](UnsafeBufferPointer(start: start, count: count)))
    return 0
}

private func variable(_ name: String) -> String? {
    // The text is copied at once, and nobody changes the environment.
    unsafe getenv(name).map { unsafe String(cString: $0) }
}

private func complain(_ words: String) -> Never {
    print(words)
    exit(2)
}
