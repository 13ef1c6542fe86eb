/* Leader and followers: threads of one task that wait for different ports over one pipe.
 *
 * One leader blocks on the pipe, files what came per port, wakes the follower whose port got something, and hands over
 * before it leaves: because its own port got a message, because its timeout ran out, or because it was cancelled. A follower
 * waits on its own futex word. `bell` stands for the whole of wake.pml: a message is published, then the pipe has a byte.
 */

#ifndef THREADS
#define THREADS 3
#endif
#ifndef MESSAGES
#define MESSAGES 2                                  /* each for any port */
#endif
#ifndef WAITS
#define WAITS 2                                     /* waits of each thread */
#endif
#define NONE THREADS

mtype = { away, waiting };
mtype = { message, timed_out, cancelled };

bool lock;                                          /* the library's */
byte leader = NONE;
byte arrived[THREADS];                              /* published in the links, not yet filed */
byte filed[THREADS];
bool bell;                                          /* the pipe */
mtype state[THREADS] = away;
bool follows[THREADS];
bool futex[THREADS];                                /* 1: woken */
#ifndef LEAVINGS
#define LEAVINGS 1
#endif
byte leavings = LEAVINGS;                           /* timeouts and cancellations, together */
bool sender_done;

bool no_lost_wake_up = 1, somebody_leads = 1, nobody_blocked = 1;
#define property(name, condition) name = (condition); assert(name)

#define acquire() atomic { !lock -> lock = 1 }
#define release() lock = 0

/* Names a waiting follower as leader and wakes it. Called with the lock held. */
inline hand_over(t)
{
    atomic {
        leader = NONE; n = 0;
        do
        :: n < THREADS && n != t && follows[n] -> leader = n; futex[n] = 1; printf("MSC: T%d hands over to T%d\n", t, n); break
        :: n < THREADS && !(n != t && follows[n]) -> n++
        :: n == THREADS -> printf("MSC: T%d leaves nobody in the lead\n", t); break
        od;
        n = 0
    }
}

inline file_all(t)
{
    n = 0;
    do
    :: n < THREADS ->
        atomic {
            if
            :: arrived[n] > 0 -> filed[n] = filed[n] + arrived[n]; arrived[n] = 0; printf("MSC: T%d files for T%d\n", t, n);
#ifndef NO_WAKE_AFTER_FILING
                if :: n != t && follows[n] -> futex[n] = 1; printf("MSC: T%d wakes T%d\n", t, n) :: else fi
#endif
            :: else
            fi;
            n++
        }
    :: n == THREADS -> n = 0; break
    od
}

proctype Thread(byte t)
{
    byte n, waits;
    mtype why;

wait:
    if
    :: waits == WAITS -> goto finished
    :: atomic { waits < WAITS -> waits++; state[t] = waiting; printf("MSC: T%d waits\n", t) }
    fi;
    acquire();
decide:                                             /* the lock is held */
    if
    :: filed[t] > 0 -> filed[t]--; why = message; goto leave
    :: atomic { filed[t] == 0 && (leader == NONE || leader == t) -> leader = t; printf("MSC: T%d leads\n", t) }; goto lead
    :: atomic { filed[t] == 0 && leader != NONE && leader != t -> follows[t] = 1; futex[t] = 0; printf("MSC: T%d follows\n", t) }
    fi;
    release();
    if
    :: futex[t]                                     /* woken: a message, or the lead */
    :: atomic { leavings > 0 && !futex[t] -> leavings--; why = timed_out; printf("MSC: T%d, a follower, times out\n", t) };
        acquire(); follows[t] = 0;
#ifdef NO_HAND_OVER_WHEN_NAMED
        goto gone;
#else
        goto leave;                                 /* the lead may have come in between */
#endif
    fi;
    acquire();
    follows[t] = 0;
    goto decide;

lead:
    release();
    if
    :: bell
    :: atomic { leavings > 0 -> leavings--; why = timed_out; printf("MSC: T%d, the leader, times out\n", t) }; acquire(); goto leave
    :: atomic { leavings > 0 -> leavings--; why = cancelled; printf("MSC: T%d, the leader, is cancelled\n", t) }; acquire(); goto leave
    fi;
    acquire();
#ifdef NO_DRAIN_BEFORE_FILING
    file_all(t);
    atomic { bell = 0; printf("MSC: T%d drains the pipe\n", t) };
#else
    atomic { bell = 0; printf("MSC: T%d drains the pipe\n", t) };
    file_all(t);
#endif
    goto decide;

leave:                                              /* the lock is held */
    if
    :: leader != t
    :: leader == t ->
        if
#ifdef NO_HAND_OVER_ON_MESSAGE
        :: why == message
#else
        :: why == message -> hand_over(t)
#endif
#ifdef NO_HAND_OVER_ON_TIMEOUT
        :: why == timed_out
#else
        :: why == timed_out -> hand_over(t)
#endif
#ifdef NO_HAND_OVER_ON_CANCEL
        :: why == cancelled
#else
        :: why == cancelled -> hand_over(t)
#endif
        fi
    fi;
gone:
    atomic { release(); state[t] = away; printf("MSC: T%d returns\n", t); goto wait };

finished:
    skip
}

proctype Sender()
{
    byte m, p;

    do
    :: m < MESSAGES ->
        atomic { select(p : 0 .. THREADS - 1); arrived[p]++; printf("MSC: a message for T%d\n", p) };
        atomic { bell = 1; m++; p = 0 }
    :: m == MESSAGES -> break
    od;
    sender_done = 1
}

#define lost(t) (state[t] == waiting && (arrived[t] > 0 || filed[t] > 0))

proctype Monitor()
{
    byte t;

    timeout ->
    atomic {
        property(nobody_blocked, !lock && sender_done);
        for (t : 0 .. THREADS - 1) {
            property(no_lost_wake_up, !lost(t));
            property(somebody_leads, state[t] == away || (leader != NONE && state[leader] == waiting && !follows[leader]))
        }
    }
}

init
{
    byte t;

    atomic { for (t : 0 .. THREADS - 1) { run Thread(t) }; run Sender(); run Monitor() }
}
