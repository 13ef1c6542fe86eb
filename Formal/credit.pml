/* The queue limit over several senders: windows of all open leases + home queue <= limit, whenever credit is granted.
 *
 * The lease itself is lease.pml's matter, so a frame here is only its number, and a word a pair of fields; the words still
 * close one after the other. A sender whose lease is closed or full asks the nucleus, with timeout 0 or for ever. A receiver
 * may be stopped for ever before any step.
 */

#ifndef MESSAGES
#define MESSAGES 2
#endif
#ifndef LIMIT
#define LIMIT 2
#endif
#ifndef GRANTS
#define GRANTS 3
#endif
#define SENDERS 2

typedef Word { bit closed = 1; byte epoch; byte count };

Word commit[SENDERS], take[SENDERS];
byte consumed[SENDERS], consumed_epoch[SENDERS];
byte window[SENDERS];                               /* granted; the nucleus's copy counts */

bool lease_open[SENDERS];
byte grants = GRANTS;
chan home = [8] of { byte };                        /* who sent it */
bool blocked[SENDERS];                              /* waits in the nucleus for room */
chan request = [SENDERS] of { byte, bit };          /* sender, waits for room */
mtype = { none, accepted, refused };
mtype verdict[SENDERS] = none;
bool asked, nucleus_busy;
bool halted_receiver;

/* What only the proof knows. */
byte unreceived;
bool sender_done[SENDERS];

bool within_limit = 1, no_lease_while_blocked = 1, refused_only_when_full = 1, nobody_blocked = 1, all_delivered = 1;
#define property(name, condition) name = (condition); assert(name)
#define sent_one() unreceived++; property(within_limit, unreceived <= LIMIT)

proctype Sender(byte i)
{
    byte id, e, sent;

next:
    if
    :: id == MESSAGES -> goto finished
    :: atomic { id < MESSAGES -> id++; goto by_nucleus }
    :: d_step { id < MESSAGES && !commit[i].closed -> id++; e = commit[i].epoch; sent = commit[i].count }
    fi;
    atomic {
        if
#ifndef NO_ROOM_CHECK
        :: sent - (consumed_epoch[i] == e -> consumed[i] : 0) >= window[i] -> goto by_nucleus
#endif
        :: else
        fi
    };
    atomic {
        if
        :: !commit[i].closed && commit[i].epoch == e && commit[i].count == sent ->
            commit[i].count = sent + 1; printf("MSC: A%d commits number %d\n", i, sent + 1); sent_one(); goto next
        :: else
        fi
    };
by_nucleus:
    if
    :: atomic { request!i, 0; printf("MSC: A%d sends by the nucleus, timeout 0\n", i) }
    :: atomic { request!i, 1; printf("MSC: A%d sends by the nucleus, waits\n", i) }
    fi;
    atomic { verdict[i] != none -> verdict[i] = none; goto next };

finished:
    sender_done[i] = 1
}

proctype Receiver() provided (!halted_receiver)
{
    byte e, n, i;

    do
    :: atomic { !take[0].closed && commit[0].epoch == take[0].epoch && commit[0].count > take[0].count -> i = 0; e = take[0].epoch; n = take[0].count + 1 }; goto take_one
    :: atomic { !take[1].closed && commit[1].epoch == take[1].epoch && commit[1].count > take[1].count -> i = 1; e = take[1].epoch; n = take[1].count + 1 }; goto take_one
    :: atomic { len(home) > 0 -> asked = 1 }; !asked
    :: false ->
take_one:
        atomic {
            if
            :: !take[i].closed && take[i].epoch == e && take[i].count == n - 1 ->
                take[i].count = n; unreceived--; printf("MSC: B takes number %d of A%d\n", n, i)
            :: else -> e = 0
            fi
        };
        d_step { if :: e != 0 -> consumed_epoch[i] = e; consumed[i] = n :: else fi; e = 0; n = 0; i = 0 }
    od
}

inline close_lease(i)
{
    if
    :: lease_open[i] ->
        d_step { commit[i].closed = 1; s = commit[i].count; printf("MSC: N closes the commit word of A%d, sent = %d\n", i, s) };
        atomic {
            take[i].closed = 1; t = take[i].count;
            do :: t < s -> home!i; t++ :: t >= s -> break od;
            lease_open[i] = 0; s = 0; t = 0
        }
    :: else
    fi
}

#ifdef NO_WINDOW_SUM
#define windows 0
#else
#define windows ((lease_open[0] -> window[0] : 0) + (lease_open[1] -> window[1] : 0))
#endif
#ifdef NO_HOME_COUNT
#define home_count 0
#else
#define home_count len(home)
#endif
#define has(i) (home ?? [i])

inline accept(i) { home!i; verdict[i] = accepted; printf("MSC: N accepts a message of A%d\n", i); sent_one() }

inline grant(i)
{
    atomic { !lease_open[i] && grants > 0 && !has(i) && windows + home_count < LIMIT ->
        property(no_lease_while_blocked, !blocked[0] && !blocked[1]);
        grants--; nucleus_busy = 1;
        if :: window[i] = 1 :: windows + home_count + 2 <= LIMIT -> window[i] = 2 fi;
        lease_open[i] = 1; printf("MSC: N grants A%d a window of %d\n", i, window[i]);
        take[i].epoch = take[i].epoch + 1; take[i].count = 0; take[i].closed = 0 };
    atomic { commit[i].epoch = commit[i].epoch + 1; commit[i].count = 0; commit[i].closed = 0; nucleus_busy = 0 }
}

proctype Nucleus()
{
    byte s, t, i;
    bit waits;

    do
    :: atomic { request?i, waits -> nucleus_busy = 1 };
        close_lease(i);                             /* order: the sender's own lease first */
        if
        :: atomic { windows + home_count < LIMIT -> accept(i) }
        :: else ->
#ifndef NO_CLOSE_ALL_WHEN_FULL
            close_lease(0);                         /* the exact count */
            close_lease(1);
#endif
            atomic {
                if
                :: windows + home_count < LIMIT -> accept(i)
                :: else ->
                    if
                    :: waits -> blocked[i] = 1; printf("MSC: N lets A%d wait\n", i)
                    :: !waits -> property(refused_only_when_full, unreceived == LIMIT); verdict[i] = refused; printf("MSC: N refuses A%d\n", i)
                    fi
                fi
            }
        fi;
        atomic { nucleus_busy = 0; i = 0; waits = 0 }
    :: atomic { asked ->
        if
        :: home?i -> unreceived--; printf("MSC: N hands a message of A%d to B\n", i);
#ifndef NO_BLOCKED_FIRST
            if
            :: blocked[0] -> blocked[0] = 0; accept(0)
            :: !blocked[0] && blocked[1] -> blocked[1] = 0; accept(1)
            :: else
            fi
#else
            skip
#endif
        :: empty(home)
        fi;
        asked = 0; i = 0 }
    :: grant(0)
    :: grant(1)
    od
}

proctype FateOfReceiver()
{
    if :: d_step { halted_receiver = 1; printf("MSC: B is stopped\n") } :: skip fi
}

proctype Monitor()
{
    timeout ->
    atomic {
        property(nobody_blocked, !nucleus_busy && empty(request) && (halted_receiver || (sender_done[0] && sender_done[1])));
        property(nobody_blocked, (sender_done[0] || blocked[0]) && (sender_done[1] || blocked[1]));
        property(all_delivered, halted_receiver || unreceived == 0)
    }
}

init
{
    atomic { run Sender(0); run Sender(1); run Receiver(); run Nucleus(); run FateOfReceiver(); run Monitor() }
}
