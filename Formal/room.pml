/* Threads of A that send over different links wait for room: the same handshake the other way round. Memory is x86-TSO as in
 * wake.pml.
 *
 * The receiver of a link publishes `consumed`, fences, reads `waiting`, and rings if that is a sleep it has not rung for. A thread
 * takes its place among those that are told, tries, says by a new number that it waits, fences, looks a last time, and only then
 * sleeps. `waiting` is one word for the task: 0 again when the last thread that waits is done. `Reception` stands for
 * leader.pml: after a sleep in the pipe all threads are told.
 */

#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef OTHER
#define OTHER 2                                     /* of the second thread */
#endif
#ifndef WINDOW
#define WINDOW 1
#endif
#define PIPE 2
#define messages(w) (w == 0 -> MESSAGES : OTHER)

#define RECEIVER(w) (2 + (w))                       /* the other end of link w */
#define SENT(w) (w)
#define CONSUMED(w) (2 + (w))
#define WAITING 4

typedef Buffer { bit holds; byte address; byte value };
Buffer buffer[4];
byte memory[5];
byte pipe;
byte sent[2], consumed[2];                          /* each one's own copy of what it wrote */
byte rung[2];                                       /* the wait that the receiver of this link has rung for */
byte count, number;                                 /* RoomWaiters, under its lock */
bool told[2];

bool no_lost_wake_up = 1, within_window = 1;
#define property(name, condition) name = (condition); assert(name)

#define store(p, a, v) atomic { !buffer[p].holds -> buffer[p].holds = 1; buffer[p].address = a; buffer[p].value = v }
#define load(p, a) (buffer[p].holds && buffer[p].address == (a) -> buffer[p].value : memory[a])
#define fence(p) !buffer[p].holds
#ifdef NO_WAITING_FENCE
#define waiting_fence(p) skip
#else
#define waiting_fence(p) fence(p)
#endif
#ifdef NO_CONSUMED_FENCE
#define consumed_fence(p) skip
#else
#define consumed_fence(p) fence(p)
#endif

#define drain(p) atomic { buffer[p].holds -> printf("MSC: the store of %d to word %d reaches memory: %d\n", p, buffer[p].address, buffer[p].value); \
    memory[buffer[p].address] = buffer[p].value; buffer[p].holds = 0; buffer[p].address = 0; buffer[p].value = 0 }

proctype Drain()
{
    do
    :: drain(0)
    :: drain(1)
    :: drain(2)
    :: drain(3)
    od
}

#define has_room(w) (sent[w] - load(w, CONSUMED(w)) < WINDOW)

/* The lock of the waiters comes free with the store under it visible, but is no fence for the thread's later loads. */
#define lock_is_free(w) !(buffer[1 - w].holds && buffer[1 - w].address == WAITING)

#ifdef NO_NEW_NUMBER
#define new_number() number = 1
#else
#define new_number() number++
#endif
#define begin(w) atomic { lock_is_free(w) && !buffer[w].holds -> count++; new_number(); store(w, WAITING, number); \
    printf("MSC: T%d stores waiting = %d\n", w, number) }
#ifdef NO_COUNT
#define end(w) atomic { lock_is_free(w) && !buffer[w].holds -> count--; store(w, WAITING, 0); printf("MSC: T%d stores waiting = 0\n", w) }
#else
#define end(w) atomic { lock_is_free(w) && !buffer[w].holds -> count--; \
    if :: count == 0 -> store(w, WAITING, 0); printf("MSC: T%d stores waiting = 0\n", w) :: else fi }
#endif

proctype Thread(byte w)
{
again:
    do
    :: sent[w] == messages(w) -> break
    :: atomic { sent[w] < messages(w) && has_room(w) ->
            sent[w]++; store(w, SENT(w), sent[w]); printf("MSC: T%d sends %d\n", w, sent[w]) }
    :: atomic { sent[w] < messages(w) && !has_room(w) -> printf("MSC: T%d finds no room\n", w) };
#ifdef NO_PLACE_FIRST
        if :: has_room(w) -> goto again :: !has_room(w) fi;
#else
        told[w] = 0;
        if :: has_room(w) -> goto again :: !has_room(w) fi;
#endif
#ifdef NO_WAITING_BEFORE_LOOK
        if :: has_room(w) -> goto again :: atomic { !has_room(w) -> printf("MSC: T%d has looked a last time\n", w) } fi;
        begin(w);
        waiting_fence(w);
#else
        begin(w);
        waiting_fence(w);
#ifndef NO_LAST_LOOK
        if
        :: has_room(w) -> end(w); goto again
        :: atomic { !has_room(w) -> printf("MSC: T%d has looked a last time\n", w) }
        fi;
#endif
#endif
#ifdef NO_PLACE_FIRST
        told[w] = 0;
#endif
        atomic { told[w] -> printf("MSC: T%d is told\n", w) };
        end(w)
    od
}

proctype Reception()
{
end:
    do
    :: atomic { pipe > 0 -> pipe = 0; printf("MSC: the pipe is drained\n") };
        atomic { told[0] = 1; told[1] = 1 }
    od
}

proctype Receiver(byte w)
{
    byte sleep;

    do
    :: consumed[w] == messages(w) -> break
    :: atomic { load(RECEIVER(w), SENT(w)) > consumed[w] ->
            property(within_window, load(RECEIVER(w), SENT(w)) - consumed[w] <= WINDOW);
            consumed[w]++; store(RECEIVER(w), CONSUMED(w), consumed[w]); printf("MSC: B%d publishes consumed = %d\n", w, consumed[w]) };
        consumed_fence(RECEIVER(w));
        atomic {
            sleep = load(RECEIVER(w), WAITING); printf("MSC: B%d reads waiting = %d\n", w, sleep);
            if
            :: sleep != 0 && sleep != rung[w] -> rung[w] = sleep; sleep = 1
            :: else -> rung[w] = sleep; sleep = 0
            fi
#ifdef NO_RING_WHEN_REMEMBERED
            ; if :: consumed[w] < messages(w) -> sleep = 0 :: else fi       /* the next one will ring */
#endif
        };
        atomic { if :: sleep -> sleep = 0; printf("MSC: B%d rings\n", w); if :: pipe < PIPE -> pipe++ :: else fi :: else fi }
    od
}

proctype Monitor()
{
    timeout ->
    atomic { property(no_lost_wake_up, sent[0] == MESSAGES && consumed[0] == MESSAGES && sent[1] == OTHER && consumed[1] == OTHER) }
}

init
{
    atomic { run Drain(); run Thread(0); run Thread(1); run Reception(); run Receiver(0); run Receiver(1); run Monitor() }
}
