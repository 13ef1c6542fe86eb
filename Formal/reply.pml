/* The one-shot reply words of a link: every committed call gets exactly one answer at its reply port.
 *
 * The caller arms its reply word {state, generation, number} before it commits the call as that number; the callee arms
 * its own word {state, generation, closed} when it has taken the call, and its reply is the compare-and-swap
 * armed -> used. The caller takes the reply by armed -> taken, the nucleus by armed -> promoted. The lease under the
 * call is that of lease.pml with window 1. The nucleus may revoke the lease, close the link, and learn of the callee's
 * death at any instant; either task may be stopped for ever before any step, the callee killed. With RECALLS the caller may, once,
 * have the call that it waits for recalled: it is answered by the nucleus while the link stays open.
 */

#ifndef CALLS
#define CALLS 2
#endif
#define GRANTS 2

mtype = { free, armed, taken, promoted, idle, used };
mtype = { none, in_message, held, spent };

typedef Word { bit closed; byte epoch; byte count };
typedef Frame { byte epoch; byte number; byte call };
typedef ReplyWord { mtype state = free; byte generation; byte number };
typedef CalleeWord { mtype state = idle; byte generation; bit closed };

Word commit, take;
Frame slot[GRANTS + 1];                             /* a slot per epoch; reuse is lease.pml's matter */
chan announced = [4] of { byte, byte };             /* calls */

ReplyWord reply_word;                               /* caller and nucleus */
CalleeWord callee_word;                             /* callee and nucleus */
byte reply_slot;                                    /* written by the callee */
byte given;                                         /* in the reply slot, written by the callee: a hint like the announcement after it */
chan reply_announced = [4] of { byte };

/* The nucleus's own. */
bool link_open = 1, lease_open = 1, may_close, may_revoke, nucleus_busy;
byte epoch;
bool known_committed[CALLS + 1];                    /* noted when the lease of a taken call closes */
mtype send_once[CALLS + 1] = none;                  /* kernel send-once rights */
chan home = [4] of { byte };                        /* home queue of the called port */
bool answered_by_nucleus[CALLS + 1];                /* in the home queue of the reply port */
chan request = [1] of { byte };                     /* calls on the nucleus path */
chan nucleus_reply = [1] of { byte };               /* replies on the nucleus path */
#ifdef RECALLS
chan recall = [1] of { byte };                      /* the caller asks, and waits for the answer */
bool may_recall = 1, recalled;
#endif
bool asked;

bool halted_caller, halted_callee, dead_callee;

/* What only the proof knows. */
byte answers[CALLS + 1];
bool committed[CALLS + 1];
bool caller_done, callee_busy;
byte g_;

bool one_answer = 1, right_found = 1, reply_is_whole = 1, uncommitted_is_the_callers = 1, nobody_blocked = 1, every_call_answered = 1;
#define property(name, condition) name = (condition); assert(name)
#define answer(g) answers[g]++; property(one_answer, answers[g] == 1)

/* ---- The caller ------------------------------------------------------------------------------------------------------- */

#define arm_reply_word() d_step { reply_word.state = armed; reply_word.generation = g; reply_word.number = sent + 1; \
    printf("MSC: A arms call %d as number %d\n", g, sent + 1) }

proctype Caller() provided (!halted_caller)
{
    byte g = 1, e, sent, r;
    bit seen;                                       /* a hint that has been looked into is not looked into again */

next:
    if
    :: g > CALLS -> goto finished
    :: atomic { g <= CALLS -> goto by_nucleus }
    :: d_step { g <= CALLS && !commit.closed -> e = commit.epoch; sent = commit.count }
    fi;
    atomic { if :: sent > 0 -> goto by_nucleus :: else fi };
    d_step { slot[e].epoch = e; slot[e].number = sent + 1; slot[e].call = g };
#ifndef NO_ARM_BEFORE_COMMIT
    arm_reply_word();
#endif
    atomic {
        if
        :: !commit.closed && commit.epoch == e && commit.count == sent ->
            commit.count = sent + 1; committed[g] = 1; printf("MSC: A commits call %d as number %d of epoch %d\n", g, sent + 1, e)
        :: else -> printf("MSC: A fails to commit call %d\n", g); goto disarm
        fi
    };
#ifdef NO_ARM_BEFORE_COMMIT
    arm_reply_word();
#endif
    atomic { announced!e, sent + 1; printf("MSC: A announces call %d\n", g); goto wait };

disarm:
    atomic {
        property(uncommitted_is_the_callers, reply_word.state != promoted);
        reply_word.state = free; reply_word.generation = 0; reply_word.number = 0
    };
by_nucleus:
    atomic { request!g; e = 0; sent = 0 };

wait:
    if
    :: atomic { reply_announced?r -> goto answered }
    :: atomic { given == g && !seen -> seen = 1; r = g; printf("MSC: A sees call %d given\n", g) };
answered:
#ifdef NO_REPLY_TAKE_CAS
        atomic { if :: reply_word.state == armed && reply_word.generation == r :: else -> goto wait fi };
        d_step { reply_word.state = taken; printf("MSC: A stores taken for call %d\n", r); answer(r) };
#else
        atomic {
            if
            :: reply_word.state == armed && reply_word.generation == r ->
                reply_word.state = taken; printf("MSC: A takes the reply to call %d\n", r); answer(r)
            :: else -> goto wait                    /* the nucleus has it */
            fi
        };
#endif
        d_step { property(reply_is_whole, reply_slot == r) };
    :: atomic { answered_by_nucleus[g] -> printf("MSC: A receives the answer to call %d from its home queue\n", g) }
#ifdef RECALLS
    :: atomic { may_recall -> may_recall = 0; recall!g; printf("MSC: A has call %d recalled\n", g) };
        atomic { recalled -> recalled = 0; goto wait }
#endif
    fi;
    atomic { reply_word.state = free; reply_word.generation = 0; reply_word.number = 0; r = 0; e = 0; sent = 0; seen = 0; g++; goto next };

finished:
    caller_done = 1
}

/* ---- The callee ------------------------------------------------------------------------------------------------------- */

proctype Callee() provided (!halted_callee)
{
    byte e, n, g;

next:
    atomic { e = 0; n = 0; g = 0; callee_busy = 0 };
    if
    :: atomic { announced?e, n -> callee_busy = 1 };
        atomic {
            if
            :: !take.closed && take.epoch == e && take.count == n - 1 && slot[e].number == n ->
                take.count = n; g = slot[e].call; printf("MSC: B takes call %d\n", g)
            :: else -> goto next
            fi
        };
        atomic {
            if
#ifdef NO_CALLEE_CLOSED
            :: true ->
#elif defined(NO_PROMOTED_STAYS)
            :: !callee_word.closed ->
#else
            :: !callee_word.closed && !(callee_word.state == promoted && callee_word.generation == g) ->
#endif
                callee_word.state = armed; callee_word.generation = g; printf("MSC: B arms call %d\n", g)
            :: else -> goto by_nucleus              /* claims the right from the nucleus */
            fi
        };
        reply_slot = g;
#ifdef NO_USED_BEFORE_GIVEN
        given = g;
#endif
#ifdef NO_USED_CAS
        atomic { if :: !callee_word.closed :: else -> goto by_nucleus fi };
        d_step { callee_word.state = used; printf("MSC: B stores used for call %d\n", g) };
#else
        atomic {
            if
#ifdef NO_CALLEE_CLOSED
            :: callee_word.state == armed && callee_word.generation == g ->
#else
            :: !callee_word.closed && callee_word.state == armed && callee_word.generation == g ->
#endif
                callee_word.state = used; printf("MSC: B commits the reply to call %d\n", g)
            :: else -> goto by_nucleus
            fi
        };
#endif
        given = g;
        atomic { reply_announced!g; printf("MSC: B announces the reply to call %d\n", g); goto next }
    :: atomic { len(home) > 0 && !asked -> asked = 1; callee_busy = 1 };
        atomic { !asked -> g = g_; if :: g == 0 -> goto next :: else fi }
    fi;
by_nucleus:
    atomic { nucleus_reply!g; printf("MSC: B replies to call %d by the nucleus\n", g); goto next }
}

/* ---- The nucleus ------------------------------------------------------------------------------------------------------ */

inline promote(call)                                   /* compare-and-swap armed -> promoted */
{
    if
    :: reply_word.state == armed && reply_word.generation == call -> reply_word.state = promoted; won = 1; printf("MSC: N promotes call %d\n", call)
    :: else -> won = 0
    fi
}

inline close_lease()
{
    if
    :: lease_open ->
        d_step { commit.closed = 1; s = commit.count; printf("MSC: N closes the commit word, sent = %d\n", s) };
        d_step { take.closed = 1; t = take.count; printf("MSC: N closes the take word, taken = %d\n", t) };
        atomic {                                    /* harvest: window 1 */
            if
            :: t < s && slot[epoch].number == s ->
                g = slot[epoch].call; promote(g);
                home!g; send_once[g] = in_message; printf("MSC: N harvests call %d\n", g); g = 0; won = 0
            :: else
            fi
        };
#ifndef NO_NOTE_AT_LEASE_CLOSE
        atomic {                                    /* taken and unanswered: the number means nothing under the next epoch */
            if
            :: reply_word.state == armed && reply_word.number > 0 && reply_word.number <= s -> known_committed[reply_word.generation] = 1
            :: else
            fi
        };
#endif
        atomic { lease_open = 0; t = 0 }
    :: else -> s = 0
    fi
}

#ifdef NO_NUMBER
#define is_committed(g, n) true
#else
#define is_committed(g, n) (known_committed[g] || n <= s)
#endif

inline resolve()
{
    atomic { r.state = reply_word.state; r.generation = reply_word.generation; r.number = reply_word.number };
    if
    :: r.state == armed && is_committed(r.generation, r.number) ->
        atomic {
            promote(r.generation);
            if
            :: !won                                 /* the caller was quicker */
            :: won && c.state == used && c.generation == r.generation ->
                printf("MSC: N harvests the reply to call %d\n", r.generation); answered_by_nucleus[r.generation] = 1; answer(r.generation)
            :: won && !(c.state == used && c.generation == r.generation) ->
                if
                :: port_dead -> printf("MSC: N notifies the caller for call %d\n", r.generation);
                    answered_by_nucleus[r.generation] = 1; answer(r.generation)
                :: else -> send_once[r.generation] = held
                fi
            fi;
            won = 0
        }
    :: else
    fi
}

inline close_link()
{
    link_open = 0;
#ifdef NO_CLOSE_BEFORE_RESOLVE
    s = commit.count;
    d_step { callee_word.closed = 1; c.state = callee_word.state; c.generation = callee_word.generation };
    resolve();
    close_lease();
#else
    close_lease();
    d_step { callee_word.closed = 1; c.state = callee_word.state; c.generation = callee_word.generation;
        printf("MSC: N closes the callee word: %e %d\n", c.state, c.generation) };
    resolve();
#endif
    atomic { s = 0; c.state = idle; c.generation = 0; r.state = free; r.generation = 0; r.number = 0 }
}

#ifdef RECALLS
/* As `resolve`, for one call over a link that stays open: only the callee's word of this call is touched. */
inline recall_call()
{
    atomic { r.state = reply_word.state; r.generation = reply_word.generation; r.number = reply_word.number };
    if
    :: link_open && r.state == armed && is_committed(r.generation, r.number) ->
        promote(r.generation);
        if
        :: won ->
            atomic {                                /* compare-and-swap: whatever is not the use of this call -> promoted */
                if
                :: callee_word.state == used && callee_word.generation == r.generation ->
                    printf("MSC: N harvests the reply to call %d\n", r.generation); answered_by_nucleus[r.generation] = 1; answer(r.generation)
                :: else -> send_once[r.generation] = held; printf("MSC: N recalls call %d\n", r.generation);
#ifndef NO_CALLEE_PROMOTED
                    callee_word.state = promoted; callee_word.generation = r.generation
#endif
                fi
            }
        :: else
        fi;
        won = 0
    :: else
    fi
}
#endif

/* A send-once right that dies unused: its port gets a notification instead. */
inline notify_for_dead()
{
    d_step {
        g = 1;
        do
        :: g <= CALLS ->
            if
            :: send_once[g] == held || send_once[g] == in_message -> send_once[g] = spent; answered_by_nucleus[g] = 1;
                printf("MSC: N notifies the caller for call %d\n", g); answer(g)
            :: else
            fi;
            g++
        :: g > CALLS -> break
        od;
        do :: home?_ :: empty(home) -> break od;
        g = 0
    }
}

proctype Nucleus()
{
    byte s, t, g;
    bit won, port_dead;
    ReplyWord r;
    CalleeWord c;

    do
    :: atomic { request?g -> nucleus_busy = 1 };
        close_lease();
        atomic {
            committed[g] = 1; printf("MSC: N accepts call %d\n", g);
            if
            :: port_dead -> answered_by_nucleus[g] = 1; send_once[g] = spent; answer(g)
            :: else -> home!g; send_once[g] = in_message
            fi;
            nucleus_busy = 0; g = 0; s = 0
        }

#ifdef RECALLS
    :: atomic { recall?g -> nucleus_busy = 1 };
        close_lease();
        recall_call();
        atomic { recalled = 1; nucleus_busy = 0; g = 0; s = 0; r.state = free; r.generation = 0; r.number = 0 }
#endif

    :: atomic { asked ->
        if
        :: home?g_ -> send_once[g_] = held; printf("MSC: N hands call %d to B\n", g_)
        :: empty(home) -> g_ = 0
        fi;
        asked = 0 }

    :: atomic { nucleus_reply?g ->
        if
        :: port_dead                                /* it wrote its last before it died; the right died with it */
        :: else ->
            property(right_found, send_once[g] == held);
            send_once[g] = spent; answered_by_nucleus[g] = 1; printf("MSC: N sends the reply to call %d\n", g); answer(g)
        fi;
        g = 0 }

    :: atomic { may_revoke && lease_open -> may_revoke = 0; nucleus_busy = 1; printf("MSC: N revokes the lease\n") };
        close_lease();
        atomic { nucleus_busy = 0; s = 0 }

    :: atomic { !lease_open && link_open && len(home) == 0 && epoch < GRANTS - 1 && !port_dead ->
            nucleus_busy = 1; epoch++ };
        d_step { take.epoch = epoch; take.count = 0; take.closed = 0 };
        d_step { commit.epoch = epoch; commit.count = 0; commit.closed = 0; lease_open = 1; nucleus_busy = 0; printf("MSC: N grants epoch %d\n", epoch) }

    :: atomic { may_close && link_open -> may_close = 0; nucleus_busy = 1; printf("MSC: N closes the link\n") };
        close_link();
        nucleus_busy = 0

    :: atomic { dead_callee && !port_dead -> port_dead = 1; nucleus_busy = 1; printf("MSC: N learns that B is dead\n") };
        if :: link_open -> close_link() :: else fi;
        atomic { skip; notify_for_dead(); nucleus_busy = 0 }
    od
}

/* ---- What may befall, and what must hold when nothing can move any more ----------------------------------------------- */

proctype FateOfCaller()
{
    if :: d_step { halted_caller = 1; printf("MSC: A is stopped\n") } :: skip fi
}

proctype FateOfCallee()
{
    if
    :: d_step { halted_callee = 1; printf("MSC: B is stopped\n") }; if :: d_step { dead_callee = 1; printf("MSC: B is dead\n") } :: skip fi
    :: skip
    fi
}

proctype Monitor()
{
    byte g;

    timeout ->
    atomic {
        property(nobody_blocked, !nucleus_busy && empty(request) && (halted_caller || caller_done || (halted_callee && !dead_callee)));
        for (g : 1 .. CALLS) {
            property(every_call_answered,
                     !committed[g] || answers[g] == 1 || (halted_callee && !dead_callee) || (halted_caller && link_open))
        }
    }
}

/* Whether the nucleus revokes or closes of its own is settled first: at rest neither may be what saved an answer. */
init
{
    atomic {
        if :: may_close = 0 :: may_close = 1 fi;
        if :: may_revoke = 0 :: may_revoke = 1 fi;
        run Caller(); run Callee(); run Nucleus();
#ifndef UNDISTURBED
        run FateOfCaller();
#endif
        run FateOfCallee();
        run Monitor()
    }
}
