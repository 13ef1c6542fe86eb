/* Leader and followers: threads of one task that wait for different ports over one pipe.
 *
 * A thread first tries without a look at the links. Then, under the lock, it scans and takes its place, leader or follower, and
 * tries again: a follower is told of everything that comes from then on. When a scan finds frames, all followers are told and the
 * leader gives up the lead before it tries. A leader says by a new number that it sleeps, looks a last time, and blocks
 * on the pipe; after that, all followers are told, since the ring may have meant what no scan shows. Who leaves sees to it that
 * somebody leads who stays. What the lock protects is one step here; memory is sequentially consistent, for wake.pml has
 * the fences.
 *
 * With POLLED the last thread is a foreign event loop: it never leads, blocks in the pipe without reading it, and empties
 * it only when it has found nothing and nobody leads.
 */

#ifndef THREADS
#define THREADS 3
#endif
#ifndef MESSAGES
#define MESSAGES 2                                  /* of any kind, each for any port */
#endif
#ifndef WAITS
#define WAITS 2                                     /* waits of each thread */
#endif
#ifndef LEAVINGS
#define LEAVINGS 1                                  /* timeouts and cancellations, together */
#endif
#define NONE THREADS
#define PIPE 2
#ifdef POLLED
#define POLLER (THREADS - 1)
#else
#define POLLER NONE
#endif

mtype = { away, waiting };
mtype = { frame, home, room };

byte leader = NONE;
byte arrived[THREADS];                              /* published in the link, not yet filed */
byte filed[THREADS];
byte direct[THREADS];                               /* home messages, room: seen by an attempt without a scan */
/* Of numbers only this counts: whether they are the ones remembered. */
bool asleep;                                        /* 0, or the number of a sleep */
bool rung;                                          /* the peer of the one link has rung for this number */
bool bell_untold;                                   /* the bell is not as it was when the followers were last told */
bool bell_new[THREADS], news[THREADS];              /* bell and news are not as this thread has seen them */
byte pipe;
mtype state[THREADS] = away;
bool follows[THREADS];
bool futex[THREADS];                                /* 1: told */
byte leavings = LEAVINGS;
bool sender_done;

bool no_lost_wake_up = 1, somebody_leads = 1, nobody_blocked = 1;
#define property(name, condition) name = (condition); assert(name)

#define ring() if :: pipe < PIPE -> pipe++ :: else fi

/* Each of these inside an atomic step: the lock is held. */

inline tell_all()
{
    n = 0;
    do
    :: n < THREADS ->
        news[n] = (state[n] == waiting);
        if :: follows[n] -> follows[n] = 0; futex[n] = 1; printf("MSC: T%d is told\n", n) :: else fi;
        n++
    :: n == THREADS -> n = 0; break
    od
}

/* Files what has arrived; `found` if that was anything. */
inline scan(t)
{
    found = 0; n = 0;
    do
    :: n < THREADS ->
        if :: arrived[n] > 0 -> filed[n] = filed[n] + arrived[n]; arrived[n] = 0; found = 1; printf("MSC: T%d files for T%d\n", t, n) :: else fi;
        n++
    :: n == THREADS -> n = 0; break
    od;
#ifndef NO_TELL_OF_FRAMES
    if :: found -> tell_all() :: else fi
#endif
}

#ifdef NO_TELL_OF_BELL
#define tell_of_bell() skip
#else
#define tell_of_bell() if :: bell_untold -> bell_untold = 0; tell_all() :: else fi
#endif
#ifdef NO_TELL_AFTER_SLEEP
#define tell_after_sleep() skip
#else
#define tell_after_sleep() if :: has_slept -> tell_all() :: else fi
#endif

inline take_place(t)
{
    if
    :: leader == NONE || leader == t -> leader = t; leads = 1; printf("MSC: T%d leads\n", t)
    :: else -> follows[t] = 1; futex[t] = 0; leads = 0; printf("MSC: T%d follows\n", t)
    fi
}

/* Who leaves makes sure that one who stays will lead; with nobody to lead, an event loop must look. */
inline leave(t)
{
    was_leader = (leader == t);
    if :: was_leader -> leader = NONE :: else fi;
    follows[t] = 0; n = 0;
    if
    :: leader == NONE ->
        do
        :: n < THREADS && follows[n] -> follows[n] = 0; futex[n] = 1; printf("MSC: T%d hands over to T%d\n", t, n); break
        :: n < THREADS && !follows[n] -> n++
        :: n == THREADS ->
#if defined POLLED && !defined NO_TELL_POLLER
            if :: has_entered -> ring(); printf("MSC: T%d rings the event loop\n", t) :: else fi;
#endif
            break
        od;
        n = 0
    :: else
    fi;
    was_leader = 0
}

#define is_ready(t) (filed[t] > 0 || direct[t] > 0)
#define take(t) if :: filed[t] > 0 -> filed[t]-- :: else -> direct[t]-- fi; printf("MSC: T%d has its message\n", t)
#define is_new() (is_arrived || bell_new[t] || news[t])
#if THREADS == 2
#define is_arrived (arrived[0] > 0 || arrived[1] > 0)
#else
#define is_arrived (arrived[0] > 0 || arrived[1] > 0 || arrived[2] > 0)
#endif
#ifdef NO_NEWS
#define is_new_at_last (is_arrived || bell_new[t])
#else
#define is_new_at_last is_new()
#endif

#ifdef NO_NEW_NUMBER
#define say_asleep() asleep = 1
#else
#define say_asleep() asleep = 1; rung = 0
#endif

proctype Thread(byte t)
{
    byte n, waits;
    bool found, leads, has_slept, has_entered, was_leader, is_over;

wait:
    atomic { waits++; state[t] = waiting; printf("MSC: T%d waits\n", t);
        if :: is_ready(t) -> take(t); goto returns :: else fi     /* the first attempt, without a look at the links */
    };

enter:
    skip;
    d_step {
        has_entered = 1;
        follows[t] = 0;
        bell_new[t] = 0;
        tell_of_bell();
        tell_after_sleep();
        scan(t);
        leads = 0;
        if
        :: found ->
            if :: leader == t -> leader = NONE :: else fi
        :: !found ->
#ifdef NO_PLACE_FIRST
            leads = (leader == t)
#else
            take_place(t)
#endif
        fi;
        has_slept = 0; news[t] = 0
    };
    if                                              /* the attempt */
    :: atomic { is_ready(t) -> take(t) };
        atomic {
#ifdef NO_HAND_OVER
            if :: leader == t -> leader = NONE :: else fi; follows[t] = 0
#else
            d_step { leave(t) }
#endif
            ; goto returns
        }
    :: atomic { !is_ready(t) && !is_over -> printf("MSC: T%d finds nothing\n", t);
        if :: found && !leads -> found = 0; goto enter :: else -> found = 0 fi;
#ifndef NO_PLACE_FIRST
        if :: leads -> goto lead :: else -> goto follow fi
#endif
        }
    :: atomic { !is_ready(t) && is_over -> printf("MSC: T%d leaves, its time is over\n", t);
#ifdef NO_HAND_OVER_ON_TIMEOUT
        if :: leader == t -> leader = NONE :: else fi; follows[t] = 0;
#else
        d_step { leave(t) };
#endif
        goto returns }
    fi;
#ifdef NO_PLACE_FIRST
    atomic { if :: !leads -> take_place(t) :: else fi; if :: leads -> goto lead :: else -> goto follow fi };
#endif
follow:
    if
    :: atomic { futex[t] -> goto enter }
    :: atomic { leavings > 0 && !futex[t] -> leavings--; printf("MSC: the time of T%d, a follower, is over\n", t);
#ifndef NO_HAND_OVER_WHEN_NAMED
        is_over = 1; goto enter
#endif
        };
#ifdef NO_HAND_OVER_WHEN_NAMED
        goto gone
#endif
    fi;

lead:
    if
    :: atomic { is_new() -> printf("MSC: T%d, spinning, sees something\n", t); goto enter }
    :: atomic { say_asleep(); printf("MSC: T%d stores the number of its sleep\n", t) }
    fi;
#ifndef NO_LAST_LOOK
    if
    :: atomic { is_new_at_last -> printf("MSC: T%d sees something, looking a last time\n", t); goto awake }
    :: atomic { !is_new_at_last -> printf("MSC: T%d has looked a last time\n", t) }
    fi;
#endif
    if
    :: atomic { pipe > 0 -> pipe = 0; printf("MSC: T%d wakes and drains the pipe\n", t) }
    :: atomic { leavings > 0 && pipe == 0 -> leavings--; is_over = 1; printf("MSC: the time of T%d, the leader, is over\n", t) }
    fi;
awake:
    atomic {
#ifndef POLLED
        asleep = 0;
#endif
        has_slept = 1; goto enter
    };

#ifdef NO_HAND_OVER_WHEN_NAMED
gone:                                               /* told in the meantime or not, it goes without a look */
    atomic { follows[t] = 0; goto returns };
#endif
returns:
    atomic { state[t] = away; found = 0; leads = 0; has_entered = 0; bell_new[t] = 0; news[t] = 0; printf("MSC: T%d returns\n", t);
        if :: waits == WAITS -> waits = 0; goto finished :: else -> goto wait fi };

finished:
    skip
}

#ifdef POLLED
proctype EventLoop(byte t)
{
    byte n;
    bool found;

    state[t] = waiting;
look:
    atomic { if :: is_ready(t) -> take(t); goto look :: else fi };
    d_step { bell_new[t] = 0; tell_of_bell(); scan(t) };
    atomic { if :: is_ready(t) -> take(t); goto look :: else fi };
    d_step {
        if
        :: leader == NONE && pipe > 0 -> pipe = 0; printf("MSC: the event loop empties the pipe\n");
        :: else
        fi
    };
    atomic { say_asleep(); printf("MSC: the event loop stores a new number\n") };
    d_step { scan(t) };
    atomic { if :: is_ready(t) -> take(t); goto look :: else fi };
    atomic { printf("MSC: the event loop polls\n"); pipe > 0 && leader == NONE -> printf("MSC: the pipe is readable\n") };
    goto look
}
#endif

proctype Sender()
{
    byte m, p;
    bool must_ring;
    mtype kind;

    do
    :: m < MESSAGES ->
        atomic {
            m++;
            if :: p = 0 :: p = 1
#if THREADS > 2
            :: p = 2
#endif
            fi;
            if :: kind = frame :: kind = home :: kind = room fi;
            printf("MSC: %e for T%d\n", kind, p);
            if
            :: kind == frame -> arrived[p]++
            :: kind == home -> d_step { direct[p]++; bell_untold = 1; p = 0; do :: p < THREADS -> bell_new[p] = (state[p] == waiting); p++ :: p == THREADS -> break od }
            :: kind == room -> direct[p]++
            fi;
            p = 0
        };
        atomic {                                    /* room.pml has `waiting` */
            if
            :: kind == frame -> must_ring = asleep && !rung; if :: asleep -> rung = 1 :: else fi
            :: kind == home -> must_ring = asleep
            :: kind == room -> must_ring = 1
            fi;
            printf("MSC: the sender must ring: %d\n", must_ring)
        };
        atomic { if :: must_ring -> must_ring = 0; ring(); printf("MSC: the pipe is rung\n") :: else fi; kind = 0 }
    :: m == MESSAGES -> break
    od;
    sender_done = 1
}

#define has_message(t) (arrived[t] > 0 || filed[t] > 0 || direct[t] > 0)

/* An event loop is owed nothing while a thread leads. */
proctype Monitor()
{
    byte t;

    timeout ->
    atomic {
        property(nobody_blocked, sender_done);
        for (t : 0 .. THREADS - 1) {
            property(no_lost_wake_up, state[t] == away || !has_message(t) || (t == POLLER && leader != NONE))
        };
        for (t : 0 .. THREADS - 1) {
            property(somebody_leads, state[t] == away || t == POLLER || (leader != NONE && state[leader] == waiting))
        }
    }
}

init
{
    byte t;

    atomic {
#ifdef POLLED
        say_asleep();
        for (t : 0 .. THREADS - 2) { run Thread(t) };
        run EventLoop(POLLER);
#else
        for (t : 0 .. THREADS - 1) { run Thread(t) };
#endif
        run Sender(); run Monitor()
    }
}
