/* Figure 5 as it is built: A on node a asks for B on node b; the question goes from network server to network server, the ticket comes back.
 *
 * The attacker owns the wire between the nodes, and node c with all its servers: he has channels of his own, as c, with a and with b. What is
 * said inside the channel of a and b he neither reads nor makes. A may have asked for a server of node c before. ticket.pml has what happens
 * to a ticket afterwards; here it serves once.
 */

#ifndef RUNS
#define RUNS 2                                      /* questions of A, one after the other */
#endif
#ifndef TICKETS
#define TICKETS 3                                   /* tickets that N_b issues in all */
#endif
#define FORGED (TICKETS + 1)                        /* a reply that the attacker made */

mtype = { nobody, A, E, b, c };

typedef Question { bit asked; mtype node; bit sent; bit taken };
Question question[RUNS + 1];
byte asking;                                        /* number of A's question, or 0 */

typedef Ticket {
    mtype asker;                                    /* with its node: A of a, or E of c */
    byte request;
    bit leaked;                                     /* the attacker has its secret */
    bit opened;                                     /* A has said OPENING with it */
    bit used
};
Ticket ticket[TICKETS + 2];
byte issued;
bit key_known;                                      /* the attacker has A's key */

bool asker_is_who_it_is = 1, server_is_who_it_is = 1, one_answer = 1, answers_its_question = 1, issued_only_if_asked = 1, no_session = 1;
#define property(name, condition) name = (condition); assert(name)

/* N_b and R_b: a question has come, on the channel with a or on that with c. */
inline answer(who, number, on_channel_of_c)
{
    issued++;
    ticket[issued].asker = who; ticket[issued].request = number;
    printf("MSC: N_b issues ticket %d to %e, question %d\n", issued, who, number);
    ticket[issued].leaked = on_channel_of_c         /* the reply goes to where the question came from */
}

proctype NodeB()
{
end: do
    /* RREQ of R_a. */
    :: atomic { issued < TICKETS && asking != 0 && question[asking].sent && question[asking].node == b ->
        question[asking].sent = 0; answer(A, asking, 0)
#ifdef NO_CHANNEL
        ; ticket[issued].leaked = 1                 /* read on the wire */
#endif
        }
    /* RREQ of R_c, for a task of its own. */
    :: atomic { issued < TICKETS -> answer(E, 0, 1) }
#ifdef NO_PEER_NODE
    /* RREQ of R_c, for a task that it says is a's. */
    :: atomic { issued < TICKETS -> answer(A, 0, 1) }
#endif
    od
}

#ifdef NO_REQUEST_ID
#define right_request(i) true
#else
#define right_request(i) (ticket[i].request == turn)
#endif

/* N_a and R_a, and A behind them. */
proctype NodeA()
{
    byte turn = 1, i;

next:
    if
    :: turn > RUNS -> goto done
    :: atomic { turn <= RUNS -> asking = turn; question[turn].asked = 1; question[turn].sent = 1;
        if
        :: question[turn].node = b
        :: question[turn].node = c;
#ifdef NO_KEY_STAYS
            key_known = 1;                          /* as printed: sec_a goes to the other node */
#endif
        fi;
        printf("MSC: A asks for a server of node %e, question %d\n", question[turn].node, turn) }
    fi;
    /* RREP */
    if
    :: atomic { issued > 0 && question[turn].node == b -> i = 1;
        do :: i < issued -> i++ :: i <= issued -> break od;
        if
        :: ticket[i].asker == A && !ticket[i].opened && right_request(i) ->
            printf("MSC: R_a takes ticket %d\n", i); property(answers_its_question, ticket[i].request == turn)
        :: else -> i = 0; goto over
        fi }
#ifdef NO_CHANNEL
    :: atomic { question[turn].node == b -> i = FORGED; printf("MSC: R_a takes a reply that the attacker made, on the wire\n") }
#endif
#ifdef NO_OUTSTANDING
    :: atomic { question[turn].node == b -> i = FORGED; printf("MSC: R_a takes a reply of node c for what node b was asked\n") }
#endif
    :: goto over
    fi;
    atomic { property(one_answer, !question[turn].taken); question[turn].taken = 1;
        if :: i == FORGED -> ticket[i].asker = A; ticket[i].leaked = 1 :: else fi;
        ticket[i].opened = 1; printf("MSC: A opens with ticket %d\n", i) };
    /* ANSWER: of B, or of whoever has the secret. */
    if
    :: atomic { i != FORGED && ticket[i].used || ticket[i].leaked -> property(server_is_who_it_is, i != FORGED && !ticket[i].leaked);
#ifdef REACH
        property(no_session, false)
#else
        skip
#endif
        }
    :: skip
    fi;
over:
    atomic { asking = 0; turn++; i = 0 };
    goto next;
done:
    skip
}

/* B takes openings: A's, or of whoever has the secret. */
proctype TaskB()
{
    byte i;

end: do
    :: atomic { issued > 0 -> i = 1;
        do :: i < issued -> i++ :: i <= issued -> break od;
        if
        :: ticket[i].opened && !ticket[i].used -> ticket[i].used = 1; printf("MSC: B acts for %e\n", ticket[i].asker)
        :: ticket[i].leaked && !ticket[i].used -> ticket[i].used = 1; printf("MSC: B acts for %e, and it is the attacker\n", ticket[i].asker);
            property(asker_is_who_it_is, ticket[i].asker == E)
        :: else
        fi;
        i = 0 }
    od
}

/* Whoever has A's key asks A's own name server as A. */
proctype Attacker()
{
end: do
    :: atomic { key_known -> printf("MSC: the attacker asks N_a as A\n"); property(issued_only_if_asked, false) }
    od
}

init { atomic { run NodeA(); run NodeB(); run TaskB(); run Attacker() } }
