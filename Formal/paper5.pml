/* Figure 5 as the paper prints it: N_b's answer, under the public key of R_a, comes from whoever likes (-DIMPOSTURE), and sec_a, which N_b is given,
 * makes whoever has it A (-DSECRET). Spin must find both.
 */

mtype = { nobody, B, E };

bit asked;
bit given;                                          /* N_b has sec_a */
bit fallen;                                         /* node b has fallen, after it was asked */

bool server_is_who_it_is = 1, key_stays_home = 1;
#define property(name, condition) name = (condition); assert(name)

proctype NodeA()
{
    mtype by = nobody;

    atomic { asked = 1; given = 1; printf("MSC: A asks for B; sec_a goes along\n") };
    atomic {
        /* C_pubRa(A, B, key, ticket): everybody has the public key. */
        if :: by = B :: by = E fi;
        printf("MSC: R_a takes an answer of %e\n", by);
#ifdef IMPOSTURE
        property(server_is_who_it_is, by == B)
#else
        skip
#endif
    }
}

proctype Attacker()
{
    asked -> fallen = 1;
    atomic { given && fallen -> printf("MSC: node b has fallen: the attacker is A, for N_a and for all others\n");
#ifdef SECRET
        property(key_stays_home, false)
#else
        skip
#endif
    }
}

init { atomic { run NodeA(); run Attacker() } }
