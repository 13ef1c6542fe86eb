/* Wake-up of a receiver: several senders, the nucleus's home queue, parked links, one pipe. Memory is x86-TSO: every process
 * has a store buffer of one entry, which drains at any later time; a load sees the process's own entry first; a fence waits
 * until the entry has drained.
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
#define NUCLEUS SENDERS                             /* sends to the home queue; is never parked */
#define RECEIVER (SENDERS + 1)

#define TAIL(i) (i)                                 /* TAIL(NUCLEUS) is the count of the home queue */
#define ASLEEP (SENDERS + 1)
#define PARKED(i) (SENDERS + 2 + (i))

typedef Buffer { bit holds; byte address; byte value };
Buffer buffer[SENDERS + 2];
byte memory[2 * SENDERS + 2];
byte pipe;

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

proctype Sender(byte i)
{
    byte k;

    do
    :: k < messages(i) ->
        atomic { store(i, TAIL(i), k + 1); k++; printf("MSC: S%d publishes tail %d\n", i, k) };
        sender_fence(i);
        if
        :: atomic { load(i, ASLEEP) == 1 -> printf("MSC: S%d sees asleep\n", i) }
#ifndef NO_PARKED_RING
        :: atomic { i != NUCLEUS && load(i, ASLEEP) == 0 -> skip };
            if
            :: atomic { load(i, PARKED(i)) == 0 -> printf("MSC: S%d sees neither asleep nor parked\n", i) }; goto next
            :: atomic { load(i, PARKED(i)) == 1 -> printf("MSC: S%d sees parked\n", i) }
            fi
        :: atomic { i == NUCLEUS && load(i, ASLEEP) == 0 -> printf("MSC: S%d sees awake\n", i) }; goto next
#else
        :: atomic { load(i, ASLEEP) == 0 -> printf("MSC: S%d sees awake\n", i) }; goto next
#endif
        fi;
        atomic { printf("MSC: S%d rings\n", i); if :: pipe < PIPE -> pipe++ :: else fi };
next:   skip
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
            received[i] = load(RECEIVER, TAIL(i)); found = 1; printf("MSC: B receives %d of S%d\n", received[i], i) }; \
        if :: atomic { parked[i] -> parked[i] = 0 }; store(RECEIVER, PARKED(i), 0) :: !parked[i] fi; \
        atomic { i++; goto label } \
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
        :: atomic { load(RECEIVER, TAIL(l)) > received[l] -> received[l] = load(RECEIVER, TAIL(l)); parked[l] = 0 }; store(RECEIVER, PARKED(l), 0) \
        :: load(RECEIVER, TAIL(l)) <= received[l] \
        fi
#endif
#define park(l) \
    :: atomic { may_park[l] && !parked[l] -> may_park[l] = 0; parked[l] = 1; printf("MSC: B parks S%d\n", l) }; \
        store(RECEIVER, PARKED(l), 1); \
        park_fence(RECEIVER); \
        park_recheck(l)

proctype Receiver()
{
    byte i;
    bit found;
    bit parked[SENDERS + 1], may_park[SENDERS];

    atomic { may_park[0] = 1; may_park[1] = 1 };
awake:
    scan(working, 0);
    if
    :: found -> goto awake
    :: !found
    park(0)
    park(1)
    fi;

    atomic { store(RECEIVER, ASLEEP, 1); printf("MSC: B stores asleep = 1\n") };
    receiver_fence(RECEIVER);
#ifndef NO_RESCAN
    scan(falling_asleep, 0);
    if
    :: found -> store(RECEIVER, ASLEEP, 0); goto awake
    :: !found
    fi;
#endif
    atomic { printf("MSC: B reads the pipe\n"); pipe > 0 -> printf("MSC: B wakes\n") };
    store(RECEIVER, ASLEEP, 0);
#ifdef NO_DRAIN_BEFORE_RESCAN
    scan(woken, 1);
    atomic { pipe = 0; printf("MSC: B drains the pipe\n"); goto awake }
#else
    atomic { pipe = 0; printf("MSC: B drains the pipe\n") };
    scan(woken, 1);
    goto awake
#endif
}

proctype Monitor()
{
    timeout ->
    atomic {
        property(nobody_blocked, sender_done[0] && sender_done[1] && sender_done[NUCLEUS]);
        property(no_lost_wake_up, received[0] == FIRST && received[1] == SECOND && received[NUCLEUS] == HOME)
    }
}

init
{
    atomic { run Drain(); run Sender(0); run Sender(1); run Sender(NUCLEUS); run Receiver(); run Monitor() }
}
