/* The lease: one sending task, one port, one nucleus that never waits.
 *
 * The commit word {closed, epoch, sent} decides what was sent; the take word {closed, epoch, taken} decides what was
 * received. Whoever wins the compare-and-swap on a word owns the frame; the nucleus closes both words and harvests the
 * frames in between into the port's home queue. A lease may be granted while the home queue still holds messages of its
 * sender: its frames wait for them at the gate `after`. Its window may grow while it is open. Every step that touches shared memory is one step here. A task may be
 * stopped for ever, or stopped and then killed, before any of its steps.
 *
 * -DHOSTILE replaces the sender by one that writes anything into the memory it can write.
 * -DUNDISTURBED leaves out stops and kills, where a removal is to be shown without them.
 * -DNO_... removes one defence; README.md says what breaks.
 */

#ifndef MESSAGES
#define MESSAGES 3
#endif
#ifndef WINDOW
#define WINDOW 2                                    /* slots of a lease, and the most that its window grows to */
#endif
#ifndef FIRST
#define FIRST WINDOW                                /* the window that a lease is granted with */
#endif
#ifndef GRANTS
#define GRANTS 2
#endif
#ifndef REVOKES
#define REVOKES 1
#endif
#ifndef ACTS
#define ACTS 5                                      /* steps of the hostile sender */
#endif
#define BANKS 2
#define RECEIVER 0
#define SUCCESSOR 1

typedef Word { bit closed = 1; byte epoch; byte count };
typedef Slot { byte epoch; byte number; byte frame };
typedef Bank { Slot slot[WINDOW] };
typedef Copying { byte epoch; byte taken };

Word commit;                                        /* sender and nucleus; count = sent */
Word take;                                          /* receiver and nucleus; count = taken */
Bank bank[BANKS];                                   /* written by the sender */
byte bank_of[GRANTS + 1];                           /* epoch -> slots, written by the nucleus before it grants */
byte window;                                        /* written by the nucleus, read by the sender */
byte ahead;                                         /* after - received, written by the nucleus, read by the receiver:
                                                       home messages that the frames of the lease still wait for */
chan announced = [8] of { byte, byte };             /* epoch, number: the sender's ring of hints */
byte consumed_epoch, consumed;                      /* written by the receiver */

chan home = [8] of { byte };                        /* the nucleus's own */
byte holder = RECEIVER;
bool lease_open;
byte epoch, grants = GRANTS, revokes;
Copying pending[BANKS];                             /* what a closed lease over these slots had taken */
bool nucleus_busy;

chan request = [1] of { byte };                     /* sender -> nucleus: the nucleus path */
bool accepted;
bool asked[2];                                      /* receiver or successor asks for the head of the home queue */
bool may_move, move_asked;

bool halted_sender, dead_sender, halted_receiver, dead_receiver;

/* What only the proof knows. */
byte committed, got;
bool sender_done;
bool seen[16];

/* The properties, named so that Spin prints the name. */
bool exactly_once_in_order = 1, copy_is_whole = 1, within_window = 1, no_frame_twice = 1, nothing_lost = 1, all_delivered = 1,
     nobody_blocked = 1;
#define property(name, condition) name = (condition); assert(name)

#ifdef HOSTILE
#define receive(f) { if :: f -> property(no_frame_twice, !seen[f]); seen[f] = 1 :: else fi }
#else
#define receive(f) { property(exactly_once_in_order, f == got + 1); got = f }
#endif

#ifdef NO_EPOCH_COMMIT
#define same_commit_epoch(e) true
#else
#define same_commit_epoch(e) (commit.epoch == e)
#endif
#ifdef NO_EPOCH_TAKE
#define same_take_epoch(e) true
#else
#define same_take_epoch(e) (take.epoch == e)
#endif
#ifdef NO_EPOCH_ANNOUNCED
#define announced_epoch(said, current) current
#else
#define announced_epoch(said, current) said
#endif
#ifdef NO_EPOCH_SLOT
#define slot_epoch(s, e) true
#else
#define slot_epoch(s, e) (s.epoch == e)
#endif
#ifdef NO_NUMBER_SLOT
#define slot_carries(s, n, e) slot_epoch(s, e)
#else
#define slot_carries(s, n, e) (s.number == n && slot_epoch(s, e))
#endif
#ifdef NO_EPOCH_CONSUMED
#define consumed_of(e) consumed
#else
#define consumed_of(e) (consumed_epoch == e -> consumed : 0)
#endif
#ifdef NO_RING_OF_SLOTS
#define ring (window -> window : 1)
#else
#define ring WINDOW
#endif
#define slot_of(e, n) bank[bank_of[e]].slot[((n) - 1) % ring]
#ifdef NO_AFTER
#define due true
#else
#define due (ahead == 0)
#endif

/* ---- The sending task --------------------------------------------------------------------------------------------- */

#ifndef HOSTILE
#define write_frame() d_step { \
    slot_of(e, sent + 1).epoch = e; slot_of(e, sent + 1).number = sent + 1; slot_of(e, sent + 1).frame = id; \
    printf("MSC: A writes frame %d as number %d of epoch %d\n", id, sent + 1, e) }

proctype Sender() provided (!halted_sender)
{
    byte id = 1, e, sent;

next:
    if
    :: id > MESSAGES -> goto finished
    :: atomic { id <= MESSAGES -> goto by_nucleus }     /* it carries a right, say */
    :: d_step { id <= MESSAGES && !commit.closed -> e = commit.epoch; sent = commit.count }
    fi;
    atomic { if :: sent - consumed_of(e) >= window -> goto by_nucleus :: else fi };
#ifndef NO_FRAME_FIRST
    write_frame();
#endif
#ifdef NO_COMMIT_CAS
    atomic { if :: commit.closed || commit.epoch != e -> goto by_nucleus :: else fi };
    d_step { commit.count = sent + 1; committed = id; printf("MSC: A stores sent = %d (message %d)\n", sent + 1, id) };
#else
    atomic {
        if
        :: !commit.closed && same_commit_epoch(e) && commit.count == sent ->
            commit.count = sent + 1; committed = id;
            printf("MSC: A commits number %d of epoch %d (message %d)\n", sent + 1, commit.epoch, id)
        :: else -> printf("MSC: A fails to commit message %d\n", id); goto by_nucleus
        fi
    };
#endif
#ifdef NO_FRAME_FIRST
    write_frame();
#endif
    atomic { announced!e, sent + 1; printf("MSC: A announces number %d of epoch %d\n", sent + 1, e); id++; e = 0; sent = 0; goto next };

by_nucleus:
    atomic { request!id; e = 0; sent = 0 };
    atomic { accepted -> accepted = 0; id++; goto next };

finished:
    sender_done = 1
}
#else
proctype Sender() provided (!halted_sender)
{
    byte acts = ACTS, serial = 1, n, e, i;

    do
    :: acts > 0 ->
        acts--;
        if
        :: atomic { select(n : 0 .. WINDOW + 1); commit.count = n; printf("MSC: A writes sent = %d\n", n) }
        :: d_step { commit.closed = 0; printf("MSC: A clears closed\n") }
        :: atomic { epoch > 0; select(n : 1 .. WINDOW + 1); select(i : 0 .. 1); e = (i -> epoch : epoch - 1);
            slot_of(epoch, n).epoch = e; slot_of(epoch, n).number = n; slot_of(epoch, n).frame = serial;
            printf("MSC: A writes frame %d as number %d of epoch %d\n", serial, n, e); serial++ }
        :: atomic { epoch > 0 && nfull(announced); select(n : 1 .. WINDOW + 1); announced!epoch, n; printf("MSC: A announces number %d\n", n) }
        :: atomic { request!serial; serial++ }; d_step { accepted -> accepted = 0 }
        fi
    :: acts == 0 -> break
    od;
    sender_done = 1
}
#endif

/* ---- The receiving task: one thread takes from the lease, one asks for the home queue -------------------------------- */

proctype Taker() provided (!halted_receiver)
{
    byte e, n, te, copying;

next:
    atomic { announced?e, n; te = 0; copying = 0 };
    atomic { due };                                 /* else it stays where it was found: the home queue has something for B */
    atomic {
        if
        :: !take.closed && announced_epoch(e, take.epoch) == take.epoch && take.count + 1 == n -> te = take.epoch
        :: else -> goto next                        /* closed, over or malformed: the announcement is dropped */
        fi
    };
    atomic { if :: slot_carries(slot_of(te, n), n, te) :: else -> goto next fi };
#ifdef NO_TAKE_CAS
    atomic { if :: !take.closed :: else -> goto next fi };
    d_step { take.count = n; copying = slot_of(te, n).frame; printf("MSC: B stores taken = %d (message %d)\n", n, copying); receive(copying) };
#else
    atomic {
        if
        :: !take.closed && same_take_epoch(te) && take.count == n - 1 ->
            take.count = n; copying = slot_of(te, n).frame;
            printf("MSC: B takes number %d of epoch %d (message %d)\n", n, take.epoch, copying);
#ifndef HOSTILE
            receive(copying)
#endif
        :: else -> goto next
        fi
    };
#endif
#ifdef NO_COPY_BEFORE_CONSUMED
    d_step { consumed_epoch = te; consumed = n; printf("MSC: B publishes consumed = %d\n", n) };
#endif
#ifdef HOSTILE
    atomic {
        if
#ifdef NO_COPY_CHECK
        :: true ->
#else
        :: slot_carries(slot_of(te, n), n, te) ->   /* the copy is checked, not the slot */
#endif
            copying = slot_of(te, n).frame; printf("MSC: B copies number %d (frame %d)\n", n, copying); receive(copying)
        :: else
        fi
    };
#else
    d_step { printf("MSC: B copies number %d, finds %d\n", n, slot_of(te, n).frame); property(copy_is_whole, slot_of(te, n).frame == copying) };
#endif
#ifndef NO_COPY_BEFORE_CONSUMED
    d_step { consumed_epoch = te; consumed = n; printf("MSC: B publishes consumed = %d\n", n) };
#endif
    goto next
}

proctype Asker() provided (!halted_receiver)
{
    do
    :: atomic { len(home) > 0 && holder == RECEIVER && !asked[RECEIVER] -> asked[RECEIVER] = 1 }; !asked[RECEIVER]
#ifndef HOSTILE
    :: may_move -> move_asked = 1; break                        /* moves the receive right to the successor */
#endif
    od
}

proctype Successor()
{
    do
    :: atomic { len(home) > 0 && holder == SUCCESSOR && !asked[SUCCESSOR] -> asked[SUCCESSOR] = 1 }; !asked[SUCCESSOR]
    od
}

/* ---- The nucleus ---------------------------------------------------------------------------------------------------- */

inline harvest()
{
    n = t + 1;
    do
#ifdef NO_WINDOW_BOUND
    :: atomic { n <= s && slot_carries(slot_of(epoch, n), n, epoch) ->
#else
    :: atomic { n <= s && n <= t + window && slot_carries(slot_of(epoch, n), n, epoch) ->
#endif
        property(within_window, n - t <= window);
        home!slot_of(epoch, n).frame;
        printf("MSC: N harvests number %d of epoch %d (message %d)\n", n, epoch, slot_of(epoch, n).frame);
        n++ }
    :: else -> break                                /* all, or one that no slot carries: the count falls to those found */
    od
}

inline close_lease()
{
    if
    :: lease_open ->
#ifdef NO_CLOSE_BEFORE_HARVEST
        s = commit.count;
        t = take.count;
        harvest();
        atomic { commit.closed = 1; printf("MSC: N closes the commit word\n") };
        d_step { take.closed = 1; printf("MSC: N closes the take word\n") };
#else
        d_step { commit.closed = 1; s = commit.count; printf("MSC: N closes the commit word, sent = %d\n", s) };
#ifdef NO_TAKE_CLOSE
        d_step { t = take.count; printf("MSC: N reads taken = %d\n", t) };
#else
        d_step { take.closed = 1; t = take.count; printf("MSC: N closes the take word, taken = %d\n", t) };
#endif
        harvest();
#endif
        atomic { lease_open = 0; pending[bank_of[epoch]].epoch = epoch; pending[bank_of[epoch]].taken = t; ahead = 0; s = 0; t = 0; n = 0 }
    :: else
    fi
}

#ifdef NO_COPY_BEFORE_REGRANT
#define copied(k) (k == 0)
#else
#define copied(k) (pending[k].taken == 0 || consumed_epoch > pending[k].epoch || \
                   (consumed_epoch == pending[k].epoch && consumed == pending[k].taken))
#endif

proctype Nucleus()
{
    byte s, t, n, id;

    do
    :: atomic { request?id -> nucleus_busy = 1 };
#ifndef NO_NUCLEUS_PATH_CLOSES
        close_lease();
#endif
        d_step { home!id; committed = id; accepted = 1; nucleus_busy = 0; printf("MSC: N appends message %d to the home queue\n", id); id = 0 }

    :: atomic { asked[RECEIVER] || asked[SUCCESSOR] ->
        if
        :: len(home) > 0 && asked[holder] -> home?id; printf("MSC: N hands message %d to %d\n", id, holder); ahead = (ahead -> ahead - 1 : 0); receive(id)
        :: else
        fi;
        asked[RECEIVER] = 0; asked[SUCCESSOR] = 0; id = 0 }

    :: atomic { !lease_open && grants > 0 && holder == RECEIVER && !dead_sender && !dead_receiver && (copied(0) || copied(1)) ->
            nucleus_busy = 1; grants--; epoch++; bank_of[epoch] = (copied(0) -> 0 : 1); window = FIRST };
#ifndef NO_AFTER_FIRST
        d_step { ahead = len(home) };
#endif
#ifdef NO_TAKE_WORD_FIRST
        d_step { commit.epoch = epoch; commit.count = 0; commit.closed = 0; printf("MSC: N opens the commit word, epoch %d\n", epoch) };
        d_step { take.epoch = epoch; take.count = 0; take.closed = 0; printf("MSC: N opens the take word, epoch %d\n", epoch) };
#else
        d_step { take.epoch = epoch; take.count = 0; take.closed = 0 };
        d_step { commit.epoch = epoch; commit.count = 0; commit.closed = 0; printf("MSC: N grants epoch %d\n", epoch) };
#endif
#ifdef NO_AFTER_FIRST
        d_step { ahead = len(home) };
#endif
        d_step { lease_open = 1; nucleus_busy = 0 }

    :: d_step { lease_open && window < WINDOW -> window++; printf("MSC: N grows the window to %d\n", window) }

    :: atomic { revokes > 0 && lease_open -> revokes--; nucleus_busy = 1; printf("MSC: N revokes\n") };
        close_lease();
        nucleus_busy = 0

    :: atomic { dead_sender && lease_open -> nucleus_busy = 1 };
        close_lease();
        nucleus_busy = 0

    :: atomic { (move_asked || dead_receiver) && holder == RECEIVER -> nucleus_busy = 1; printf("MSC: N moves the port to its successor\n") };
#ifdef NO_CLOSE_BEFORE_MOVE
        lease_open = 0;
#else
        close_lease();
#endif
        d_step { holder = SUCCESSOR; nucleus_busy = 0 }
    od
}

/* ---- What may befall a task, and what must hold when nothing can move any more ---------------------------------------- */

#if !defined(HOSTILE) && !defined(UNDISTURBED)
proctype FateOfSender()
{
    if
    :: d_step { halted_sender = 1; printf("MSC: A is stopped\n") }; if :: dead_sender = 1 :: skip fi
    :: skip
    fi
}

#endif
#ifndef UNDISTURBED
proctype FateOfReceiver()
{
    if
    :: d_step { halted_receiver = 1; printf("MSC: B is stopped\n") }; if :: d_step { dead_receiver = 1; printf("MSC: B is dead\n") } :: skip fi
    :: skip
    fi
}

#endif
/* Whether the nucleus revokes and whether the port moves is settled first: at rest neither may be what saved a message. */
init
{
    atomic {
        if :: revokes = 0 :: revokes = REVOKES fi;
#ifndef HOSTILE
        if :: may_move = 0 :: may_move = 1 fi;
#endif
        run Sender(); run Taker(); run Asker(); run Successor(); run Nucleus();
#ifndef UNDISTURBED
#ifndef HOSTILE
        run FateOfSender();
#endif
        run FateOfReceiver();
#endif
        run Monitor()
    }
}

proctype Monitor()
{
    timeout ->
    atomic {
        property(nobody_blocked, !nucleus_busy && empty(request) && (sender_done || halted_sender));
#ifndef HOSTILE
        property(nothing_lost, got + len(home) + (lease_open -> commit.count - take.count : 0) == committed);
        property(all_delivered,
                 (halted_receiver && !dead_receiver && holder == RECEIVER)
                 || (len(home) == 0 && (got == committed || (halted_sender && !dead_sender))));
        property(all_delivered, halted_sender || committed == MESSAGES)
#endif
    }
}
