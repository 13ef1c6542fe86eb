import Glibc
import MasixKernel
import MasixLinux
import MasixTransport
import SystemPackage

// A task that attaches like any other, gets a link to a victim by sending to it, and then does what it likes with everything that it has
// been given. To be run under a user of its own:
//
//   masix-hostile-peer DIRECTORY NAME WHAT SEED MILLISECONDS PID
//
// DIRECTORY of the node; NAME under which a send right to the victim has been left at the exchange; WHAT it writes nonsense over: half,
// control, status or all; for so long. PID: the victim's process. Each attack that is not refused as it must be is told on standard output.

/// At once: this program may be ended at any time.
func say(_ words: String) { _ = try? Descriptor.write(Array((words + "\n").utf8), to: 1) }

let words = Array(CommandLine.arguments.dropFirst())
guard words.count == 6, let seed = UInt64(words[3]), let milliseconds = UInt64(words[4]), let what = Scribbler.Target(rawValue: words[2])
else {
    say("unknown words: \(words)")
    exit(64)
}
do {
    let task = try BareTask(directory: words[0])
    let victim = try task.fetch(words[1])
    let link = try BareLink(of: task, to: victim)
    say("linked")
    let attacks = Attacks(task: task, link: link, victimPID: words[5])
    for failure in attacks.run() { say("not refused: \(failure)") }
    say("scribbling")
    Scribbler(task: task, link: link, seed: seed).run(what, milliseconds: milliseconds)
    say("done")
} catch {
    say("failed: \(error)")
    exit(1)
}
