/* Wake-up of a receiver: several senders, the nucleus's home queue, parked links, one pipe. Memory is x86-TSO: every process
 * has a store buffer of one entry, which drains at any later time; a load sees the process's own entry first; a fence waits
 * until the entry has drained.
 *
 * `asleep` is 0 or the number of a sleep; each sleep has a new one. A link remembers for which number it has rung last. With
 * SAME_LINK both senders are threads that share one link and its lock; they ring when they have left it. With POLLED the receiver
 * is a foreign event loop: it always counts as asleep, and takes a new number at each last look.
 *
 * The last look is one at the parked links too, so nothing is lost even if their senders do not ring. With ACTIVE_LAST_LOOK
 * it is one at the active links only, and all rests on the ring: either suffices.
 */

#ifndef FIRST
#define FIRST 1                                     /* messages of sender 0, of sender 1, of the nucleus */
#endif
#ifndef SECOND
#define SECOND 1
#endif
#ifndef HOME
#define HOME 1
#endif
#define messages(i) (i == 0 -> FIRST : (i == 1 -> SECOND : HOME))
#define PIPE 2                                      /* a full pipe answers EAGAIN: already rung */
#define SENDERS 2
#define NUCLEUS SENDERS                             /* sends to the home queue; is never parked, remembers no number */
#define RECEIVER (SENDERS + 1)

#ifdef SAME_LINK
#define link(i) (i == NUCLEUS -> NUCLEUS : 0)
#define total(l) (l == 0 -> FIRST + SECOND : (l == 1 -> 0 : HOME))
#else
#define link(i) (i)
#define total(l) messages(l)
#endif
#define TAIL(l) (l)                                 /* TAIL(NUCLEUS) is the bell, and the count of the home queue before it */
#define ASLEEP (SENDERS + 1)
#define PARKED(l) (SENDERS + 2 + (l))

typedef Buffer { bit holds; byte address; byte value };
Buffer buffer[SENDERS + 2];
byte memory[2 * SENDERS + 2];
byte pipe;
byte number;                                        /* of the last sleep */

byte tail[SENDERS + 1];                             /* the sender's own */
byte rung[SENDERS + 1];                             /* the sleep that this link has rung for */

byte received[SENDERS + 1];                         /* the receiver's own */
bool sender_done[SENDERS + 1];

bool no_lost_wake_up = 1, nobody_blocked = 1;
#define property(name, condition) name = (condition); assert(name)

#define store(p, a, v) atomic { !buffer[p].holds -> buffer[p].holds = 1; buffer[p].address = a; buffer[p].value = v }
#define load(p, a) (buffer[p].holds && buffer[p].address == (a) -> buffer[p].value : memory[a])
#define fence(p) !buffer[p].holds
#ifdef NO_SENDER_FENCE
#define sender_fence(p) skip
#else
#define sender_fence(p) fence(p)
#endif
#ifdef NO_RECEIVER_FENCE
#define receiver_fence(p) skip
#else
#define receiver_fence(p) fence(p)
#endif
#ifdef NO_PARK_FENCE
#define park_fence(p) skip
#else
#define park_fence(p) fence(p)
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

#ifdef SAME_LINK
bool lock[SENDERS + 1];                             /* of a link: tail and rung; free for others when the stores under it are visible */
#define take_lock(i) !lock[link(i)] -> lock[link(i)] = 1
#define free_lock(i) atomic { fence(i) -> lock[link(i)] = 0 }
#define after_lock(i) free_lock(i);
#else
#define take_lock(i) true
#define after_lock(i)
#endif

proctype Sender(byte i)
{
    byte k;
    byte sleep;
    bit must_ring;

    do
    :: k < messages(i) ->
        atomic { take_lock(i); k++; tail[link(i)]++;
            store(i, TAIL(link(i)), tail[link(i)]); printf("MSC: S%d publishes tail %d\n", i, tail[link(i)]) };
        atomic {
            sender_fence(i);
            sleep = load(i, ASLEEP);
            if
            :: i == NUCLEUS -> must_ring = (sleep != 0)
            :: i != NUCLEUS && sleep != 0 && sleep != rung[link(i)] -> must_ring = 1; rung[link(i)] = sleep
            :: else
            fi;
#ifdef NO_RING_WHEN_REMEMBERED
            if :: i != NUCLEUS && must_ring && k < messages(i) -> must_ring = 0 :: else fi;   /* the next one will do */
#endif
            printf("MSC: S%d reads asleep = %d\n", i, sleep); sleep = 0
        };
#ifndef NO_PARKED_RING
        if
        :: atomic { i != NUCLEUS && !must_ring -> must_ring = load(i, PARKED(link(i)));
            if :: must_ring -> printf("MSC: S%d sees parked\n", i) :: else fi }
        :: i == NUCLEUS || must_ring
        fi;
#endif
        after_lock(i)
        if
        :: atomic { must_ring -> printf("MSC: S%d rings\n", i); must_ring = 0; if :: pipe < PIPE -> pipe++ :: else fi }
        :: !must_ring
        fi
    :: k == messages(i) -> break
    od;
    sender_done[i] = 1
}

/* Scans the active links and the home queue; `every` scans the parked links too, and a hit unparks. */
#define scan(label, every) \
    atomic { i = 0; found = 0 }; \
label: \
    if \
    :: atomic { i <= NUCLEUS && (!parked[i] || every) && load(RECEIVER, TAIL(i)) > received[i] -> \
            received[i] = load(RECEIVER, TAIL(i)); found = 1; printf("MSC: B receives %d of S%d\n", received[i], i); \
            if :: parked[i] -> parked[i] = 0; store(RECEIVER, PARKED(i), 0) :: else fi; \
            i++; goto label } \
    :: atomic { i <= NUCLEUS && (!parked[i] || every) && load(RECEIVER, TAIL(i)) <= received[i] -> \
            printf("MSC: B finds nothing of S%d\n", i); i++; goto label } \
    :: atomic { i <= NUCLEUS && parked[i] && !(every) -> i++; goto label } \
    :: i > NUCLEUS -> i = 0 \
    fi

/* Written with its store in the buffer; then one look, for a sender that did not see it. */
#ifdef NO_PARK_RECHECK
#define park_recheck(l) skip
#else
#define park_recheck(l) \
        if \
        :: atomic { load(RECEIVER, TAIL(l)) > received[l] -> parked[l] = 0 }; store(RECEIVER, PARKED(l), 0) \
        :: load(RECEIVER, TAIL(l)) <= received[l] \
        fi
#endif
#define park(l) \
    :: atomic { may_park[l] && !parked[l] -> may_park[l] = 0; parked[l] = 1; printf("MSC: B parks S%d\n", l) }; \
        store(RECEIVER, PARKED(l), 1); \
        park_fence(RECEIVER); \
        park_recheck(l)

#ifdef NO_NEW_NUMBER
#define say_asleep() atomic { number = 1; store(RECEIVER, ASLEEP, number); printf("MSC: B stores asleep = %d\n", number) }
#else
#define say_asleep() atomic { number++; store(RECEIVER, ASLEEP, number); printf("MSC: B stores asleep = %d\n", number) }
#endif
#ifdef ACTIVE_LAST_LOOK
#define last_look_at(l) (!parked[l])
#else
#define last_look_at(l) true
#endif
#ifdef NO_PARKED_SCAN
#define EVERY 0
#else
#define EVERY 1
#endif

#ifndef POLLED
proctype Receiver()
{
    byte i;
    bit found;
    bit parked[SENDERS + 1], may_park[1];

    may_park[0] = 1;
awake:
    scan(working, 0);
next:
    if
    :: found -> goto awake
    :: !found
    park(0)
    fi;

    say_asleep();
    atomic { receiver_fence(RECEIVER); i = 0 };
#ifndef NO_LAST_LOOK
last_look:                                          /* a look takes nothing: the scan that follows does, and it is one of all links */
    if
    :: atomic { i <= NUCLEUS && last_look_at(i) && load(RECEIVER, TAIL(i)) > received[i] -> printf("MSC: B sees something of S%d\n", i); i = 0 };
        store(RECEIVER, ASLEEP, 0); goto woken
    :: atomic { i <= NUCLEUS && last_look_at(i) && load(RECEIVER, TAIL(i)) <= received[i] -> i++; goto last_look }
    :: atomic { i <= NUCLEUS && !last_look_at(i) -> i++; goto last_look }
    :: atomic { i > NUCLEUS -> i = 0; printf("MSC: B has looked a last time\n") }
    fi;
#endif
#ifdef NO_DRAIN_BEFORE_RESCAN
    atomic { pipe > 0 -> printf("MSC: B wakes\n") };
    store(RECEIVER, ASLEEP, 0);
    scan(rescan, EVERY);
    atomic { pipe = 0; printf("MSC: B drains the pipe\n"); goto next };
#else
    atomic { pipe > 0 -> pipe = 0; printf("MSC: B wakes and drains the pipe\n") };
    store(RECEIVER, ASLEEP, 0);
#endif
woken:
    scan(everything, EVERY);
    goto next
}
#else
proctype Receiver()
{
    byte i;
    bit found;
    bit parked[SENDERS + 1], may_park[1];

    may_park[0] = 1;
    say_asleep();                                   /* the descriptor is given out */
look:
    scan(looking, EVERY);
    if
    :: found -> goto look
    :: !found
    park(0)
    fi;
#ifdef NO_NUMBER_AFTER_DRAIN
    say_asleep();
    atomic { pipe = 0; printf("MSC: B drains the pipe\n") };
#else
    atomic { pipe = 0; printf("MSC: B drains the pipe\n") };
    say_asleep();
#endif
    receiver_fence(RECEIVER);
#ifndef NO_LAST_LOOK
    scan(last_look, EVERY);
    if
    :: found -> goto look                           /* until nothing is there */
    :: !found
    fi;
#endif
    atomic { printf("MSC: B polls\n"); pipe > 0 -> printf("MSC: the pipe is readable\n") };
    goto look
}
#endif

proctype Monitor()
{
    timeout ->
    atomic {
        property(nobody_blocked, sender_done[0] && sender_done[1] && sender_done[NUCLEUS]);
        property(no_lost_wake_up, received[0] == total(0) && received[1] == total(1) && received[NUCLEUS] == HOME)
    }
}

init
{
    atomic { run Drain(); run Sender(0); run Sender(1); run Sender(NUCLEUS); run Receiver(); run Monitor() }
}
