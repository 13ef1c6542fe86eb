/* Figure 4 as it is built: A asks its name server N for a session with B, N grants a ticket, A opens with B.
 *
 * The attacker carries every message: whoever receives takes any message that was ever said or that the attacker can make. He
 * owns a registered task E, and learns the secret of a ticket when it has been used or has expired, and A is done with it. Sealing,
 * codes and Noise are perfect: what is under a key is made and read by whoever has it, and the key of a session is known to nobody
 * but the two whose ephemeral keys are in it (of Noise NNpsk0 itself others have proofs). A ticket is its number here.
 *
 * -DUNPROVED: A is a client, without a key for its questions, and who carries them may change whom they are for.
 */

#ifndef RUNS
#define RUNS 2                                      /* questions of A, one after the other */
#endif
#ifndef TICKETS
#define TICKETS 3                                   /* tickets that N issues in all */
#endif
#define FORGED (TICKETS + 1)                        /* a grant that the attacker made */

mtype = { nobody, A, B, C, E };

typedef Ticket {
    mtype asker;                                    /* in the ticket, for B */
    mtype server;
    byte nonce;                                     /* nA of the question that it answers */
    bit used;                                       /* in B's table */
    bit was_used;
    bit expired;
    bit leaked;                                     /* the attacker has its secret */
    bit opened;                                     /* A has said OPENING with it */
    bit answered;                                   /* B has said ANSWER to that */
    bit confirmed;                                  /* A has read it, and said the first record */
    byte acted                                      /* sessions that B has begun under it */
};

Ticket ticket[TICKETS + 2];
byte issued;
bit asked[RUNS + 1];
byte asking;                                        /* nonce of A's question, or 0 */
byte with;                                          /* ticket that A opens with, or 0 */

bool one_session_per_ticket = 1, asker_is_who_it_is = 1, server_is_who_it_is = 1, server_is_asked_for = 1, grant_is_fresh = 1,
    issued_only_if_asked = 1, acts_only_with_present = 1, no_session = 1;
#define property(name, condition) name = (condition); assert(name)

/* A message that somebody could have said: any ticket issued. */
inline any_ticket(i)
{
    i = 1;
    do
    :: i < issued -> i++
    :: i <= issued -> break
    od
}

inline issue(who, whom, n)
{
    issued++;
    ticket[issued].asker = who; ticket[issued].server = whom; ticket[issued].nonce = n;
    printf("MSC: N issues ticket %d to %e for %e, nonce %d\n", issued, who, whom, n)
}

proctype NameServer()
{
    byte n;

end: do
    /* RESOLVE of A: as often as the attacker brings it, since N remembers no nonces. */
    :: atomic { issued < TICKETS && asking != 0 && asked[asking] -> n = asking;
        if
        :: issue(A, B, n)
#ifdef UNPROVED
        :: issue(A, C, n)
#endif
        fi; n = 0 }
    /* E asks in its own name. */
    :: atomic { issued < TICKETS -> issue(E, B, 0) }
#ifdef NO_PROOF
    /* The attacker asks in A's name, without its key. */
    :: atomic { issued < TICKETS -> issue(A, B, 0); property(issued_only_if_asked, false) }
#endif
    od
}

#ifdef NO_FRESH_GRANT
#define fresh(i) true
#else
#define fresh(i) (ticket[i].nonce == turn)
#endif
#ifdef NO_PEER_IN_GRANT
#define right_peer(i) true
#else
#define right_peer(i) (ticket[i].server == B)
#endif

proctype TaskA()
{
    byte turn = 1, i;

next:
    if
    :: turn > RUNS -> goto done
    :: else
    fi;
    atomic { asked[turn] = 1; asking = turn; printf("MSC: A asks for B, nonce %d\n", turn) };
    /* GRANT */
    if
    :: atomic { issued > 0 -> any_ticket(i);
        if
        :: ticket[i].asker == A && fresh(i) && right_peer(i) && !ticket[i].opened ->    /* sealed under A's key */
            property(server_is_asked_for, ticket[i].server == B);
            property(grant_is_fresh, ticket[i].nonce == turn);
            with = i
        :: else -> i = 0; goto over
        fi }
#ifdef NO_SEALED_GRANT
    :: atomic { i = FORGED; with = i; ticket[i].asker = A; ticket[i].server = B; ticket[i].leaked = 1; printf("MSC: A takes a grant that the attacker made\n") }
#endif
    :: goto over                                    /* nothing comes */
    fi;
    atomic { ticket[i].opened = 1; printf("MSC: A opens with ticket %d\n", i) };
    /* ANSWER: by B to this opening, or by whoever has the secret. */
    if
    :: atomic { ticket[i].answered || ticket[i].leaked ->
        property(server_is_who_it_is, ticket[i].answered);
        ticket[i].confirmed = 1; printf("MSC: A is in a session under ticket %d\n", i) }
    :: skip
    fi;
over:
    atomic { asking = 0; with = 0; turn++; i = 0 };
    goto next;
done:
    skip
}

#ifdef NO_CONFIRM
#define may_act(i) true
#else
#define may_act(i) (opener == E || ticket[i].confirmed)
#endif

proctype TaskB()
{
    byte i;
    mtype opener = nobody, claimed = nobody;

end: do
    /* OPENING: A's, or one of whoever knows the secret. */
    :: atomic { issued > 0 -> any_ticket(i);
        if
        :: ticket[i].server == B && ticket[i].opened -> opener = A
        :: ticket[i].server == B && (ticket[i].leaked || ticket[i].asker == E) -> opener = E
        :: else -> i = 0; goto end
        fi;
#ifndef NO_EXPIRY
        if :: ticket[i].expired -> i = 0; opener = nobody; goto end :: else fi;
#endif
#ifndef NO_SINGLE_USE
        if :: ticket[i].used -> i = 0; opener = nobody; goto end :: else fi;
#endif
        ticket[i].used = 1; ticket[i].was_used = 1;
        if :: opener == A -> ticket[i].answered = 1 :: else fi;
#ifdef NO_ASKER_IN_TICKET
        if :: claimed = A :: claimed = ticket[i].asker fi;
#else
        claimed = ticket[i].asker;
#endif
        printf("MSC: B answers an opening of %e under ticket %d, as %e's\n", opener, i, claimed) };
    /* The first record: of A if it is in this session, of the attacker in his own. */
    atomic {
        if
        :: may_act(i) ->
            printf("MSC: B acts for %e under ticket %d\n", claimed, i);
            property(one_session_per_ticket, ticket[i].acted == 0);
            property(asker_is_who_it_is, claimed == E || opener == A);
            property(acts_only_with_present, opener == E || ticket[i].confirmed);
            ticket[i].acted++;
#ifdef REACH
            if :: claimed == A -> property(no_session, false) :: else fi
#else
            skip
#endif
        :: skip                                     /* it does not come in time */
        fi;
        i = 0; opener = nobody; claimed = nobody }
    od
}

/* A waits for a grant for less time than a ticket lives: so when one has expired, A takes it no more. */
#ifdef NO_DEADLINE
#define done_with(i) true
#else
#define done_with(i) (ticket[i].nonce == 0 || ticket[i].nonce != asking)
#endif

/* Time and leaks. */
proctype World()
{
    byte i;

end: do
    :: atomic { issued > 0 -> any_ticket(i);
        if
        :: !ticket[i].expired -> ticket[i].expired = 1; printf("MSC: ticket %d expires\n", i)
        :: ticket[i].expired && ticket[i].used -> ticket[i].used = 0; printf("MSC: B forgets ticket %d\n", i)
        :: !ticket[i].leaked && with != i && done_with(i) && (ticket[i].was_used || ticket[i].expired) -> ticket[i].leaked = 1; printf("MSC: the secret of ticket %d leaks\n", i)
        :: else
        fi; i = 0 }
    :: break
    od
}

init { atomic { run NameServer(); run TaskA(); run TaskB(); run World() } }
