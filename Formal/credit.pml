/* The queue limit over several senders: windows of all open leases + home queue <= limit, whenever credit is granted.
 *
 * A lease is granted with what credit is left, be it none, and grows as the home queue empties. While it is whole, that is the
 * only one and able to hold the whole limit, its sender waits on the link for room; else it asks the nucleus.
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
#define GRANTS 2
#endif
#ifndef SLOTS
#define SLOTS LIMIT                                 /* slots of a lease, and the most that its window grows to */
#endif
#define SENDERS 2

typedef Word { bit closed = 1; byte epoch; byte count };

Word commit[SENDERS], take[SENDERS];
byte consumed[SENDERS], consumed_epoch[SENDERS];
byte window[SENDERS];                               /* granted; the nucleus's copy counts */
bit whole[SENDERS];                                 /* written by the nucleus, read by the sender */

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
bool sender_done[SENDERS], on_link[SENDERS];        /* on_link: waits there for room */

bool within_limit = 1, no_lease_while_blocked = 1, refused_only_when_full = 1, waits_only_when_full = 1, nobody_blocked = 1, all_delivered = 1;
#define property(name, condition) name = (condition); assert(name)
#define sent_one() unreceived++; property(within_limit, unreceived <= LIMIT)

#define has_room(i) (sent - (consumed_epoch[i] == e -> consumed[i] : 0) < window[i])

proctype Sender(byte i)
{
    byte id, e, sent;

next:
    if
    :: id == MESSAGES -> goto finished
    :: atomic { id < MESSAGES -> id++; goto by_nucleus }
    :: d_step { id < MESSAGES && !commit[i].closed -> id++; e = commit[i].epoch; sent = commit[i].count }
    fi;
again:
    atomic {
        if
#ifndef NO_ROOM_CHECK
        :: !has_room(i) && !whole[i] -> goto by_nucleus
        :: !has_room(i) && whole[i] ->                 /* by its timeout */
            if
            :: goto by_nucleus
            :: on_link[i] = 1; printf("MSC: A%d waits on the link\n", i); goto waiting
            fi
#endif
        :: else
        fi
    };
    atomic {
        if
        :: !commit[i].closed && commit[i].epoch == e && commit[i].count == sent ->
            commit[i].count = sent + 1; printf("MSC: A%d commits number %d\n", i, sent + 1); sent_one(); e = 0; sent = 0; goto next
        :: else
        fi
    };
by_nucleus:
    if
    :: atomic { request!i, 0; e = 0; sent = 0; printf("MSC: A%d sends by the nucleus, timeout 0\n", i) }
    :: atomic { request!i, 1; e = 0; sent = 0; printf("MSC: A%d sends by the nucleus, waits\n", i) }
    fi;
    atomic { verdict[i] != none -> verdict[i] = none; goto next };

waiting:
    atomic {
        if
        :: commit[i].closed || commit[i].epoch != e -> on_link[i] = 0; goto by_nucleus
#ifdef NO_WHOLE_AGAIN
        :: !commit[i].closed && commit[i].epoch == e && has_room(i) -> on_link[i] = 0; goto again
#else
        :: !commit[i].closed && commit[i].epoch == e && (has_room(i) || !whole[i]) -> on_link[i] = 0; goto again
#endif
        fi
    };

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

#ifdef NO_SLOTS_OF_LIMIT
#define all_slots true
#else
#define all_slots (SLOTS >= LIMIT)
#endif

/* Whole is a lease without others, on slots for the whole limit. */
inline mark_whole()
{
    whole[0] = (lease_open[0] && !lease_open[1] && all_slots);
    whole[1] = (lease_open[1] && !lease_open[0] && all_slots)
}

inline close_lease(i)
{
    if
    :: lease_open[i] ->
        d_step { commit[i].closed = 1; s = commit[i].count; printf("MSC: N closes the commit word of A%d, sent = %d\n", i, s) };
        atomic {
            take[i].closed = 1; t = take[i].count;
            do :: t < s -> home!i; t++ :: t >= s -> break od;
            lease_open[i] = 0; window[i] = 0; s = 0; t = 0; mark_whole()
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
#ifdef NO_ROOM_TO_GROW
#define room_to_grow true
#else
#define room_to_grow (windows + home_count < LIMIT)
#endif
#ifdef NO_NONE_BLOCKED
#define none_blocked true
#else
#define none_blocked (!blocked[0] && !blocked[1])
#endif

inline accept(i) { home!i; verdict[i] = accepted; printf("MSC: N accepts a message of A%d\n", i); sent_one() }

inline grant(i)
{
    atomic { !lease_open[i] && grants > 0 && none_blocked ->
        property(no_lease_while_blocked, !blocked[0] && !blocked[1]);
        grants--; nucleus_busy = 1;
        window[i] = 0; lease_open[i] = 1; printf("MSC: N grants A%d\n", i);    /* and then lets it grow, or not yet */
#ifdef NO_WHOLE_REMARKED
        whole[i] = (!lease_open[1 - i] && all_slots);
#else
        mark_whole();
#endif
        take[i].epoch = take[i].epoch + 1; take[i].count = 0; take[i].closed = 0 };
    atomic { commit[i].epoch = commit[i].epoch + 1; commit[i].count = 0; commit[i].closed = 0; nucleus_busy = 0 }
}

inline grow(i)
{
    d_step { lease_open[i] && window[i] < SLOTS && room_to_grow && none_blocked ->
        window[i]++; printf("MSC: N grows the window of A%d to %d\n", i, window[i]) }
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
    :: grow(0)
    :: grow(1)
    od
}

proctype FateOfReceiver()
{
    if :: d_step { halted_receiver = 1; printf("MSC: B is stopped\n") } :: skip fi
}

/* Taken by a receiver that was stopped before it said so. */
#define unpublished(i) (on_link[i] -> take[i].count - (consumed_epoch[i] == take[i].epoch -> consumed[i] : 0) : 0)

proctype Monitor()
{
    timeout ->
    atomic {
        property(nobody_blocked, !nucleus_busy && empty(request) && (halted_receiver || (sender_done[0] && sender_done[1])));
        property(nobody_blocked, (sender_done[0] || blocked[0] || on_link[0]) && (sender_done[1] || blocked[1] || on_link[1]));
        property(waits_only_when_full, (sender_done[0] && sender_done[1]) || unreceived + unpublished(0) + unpublished(1) == LIMIT);
        property(all_delivered, halted_receiver || unreceived == 0)
    }
}

init
{
    atomic { run Sender(0); run Sender(1); run Receiver(); run Nucleus(); run FateOfReceiver(); run Monitor() }
}
