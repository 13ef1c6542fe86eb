import MasixTransport

// For a task that lives on an event loop: the loop sleeps on the bell itself, where `pollableDescriptor` has a thread that listens to it and
// hands on what it hears. That costs a switch between threads for each message; this costs that no call may wait on the loop's thread.
//
//   while true {
//       try space.wakeLoop()
//       repeat { let before = space.loopStanding; take all that is there } while !space.sleepLoop(since: before)
//       wait until the descriptor is readable, or whatever else the loop has to do, and read the descriptor empty
//   }

extension Space {
    /// The descriptor that is readable when somebody has rung; to be read, and to be waited for in a duplicate. Once in the life of a space,
    /// before any thread of it waits.
    package func beginLoop() throws(MasixError) -> Int32 { try reception.beginLeading() }

    /// The loop waits no more: threads that wait do so by themselves again.
    package func endLoop() { reception.endLeading() }

    package struct LoopStanding { let standing: Reception.Standing }

    /// To be taken before the loop looks for what has come.
    package var loopStanding: LoopStanding { LoopStanding(standing: reception.standing) }

    /// Whether the loop may wait; if not, something has come since.
    package func sleepLoop(since before: LoopStanding) -> Bool { reception.sleepLeading(since: before.standing) }

    /// Before the loop looks; `.nodeGone` when there is nothing left to look for.
    package func wakeLoop() throws(MasixError) { try reception.wakeLeading() }
}
