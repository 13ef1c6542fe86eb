/* Figure 4 as the paper prints it: (B, sec_ab, C_secb(sec_ab, A)) is said in the clear, and the ticket, once made, is good for ever.
 * Spin must find both: that B accepts one ticket twice (-DREPLAY), and that B takes the attacker for A (-DIMPOSTURE).
 */

mtype = { nobody, A, E };

bit said;                                           /* step 2 was on the wire */
bit brought;                                        /* step 3 too */
bit known;                                          /* the attacker has sec_ab */
byte accepted;

bool accepted_once = 1, asker_is_who_it_is = 1;
#define property(name, condition) name = (condition); assert(name)

proctype NameServer() { atomic { said = 1; printf("MSC: N says (B, sec_ab, ticket)\n") } }

proctype TaskA() { said -> atomic { brought = 1; printf("MSC: A brings the ticket to B\n") } }

proctype Attacker()
{
    /* Either what is in the clear is read, or, much later, the old key leaks. */
#ifdef IMPOSTURE
    said -> atomic { known = 1; printf("MSC: the attacker reads sec_ab\n") }
#else
    accepted > 0 -> atomic { known = 1; printf("MSC: the old sec_ab leaks\n") }
#endif
}

proctype TaskB()
{
    mtype by = nobody;

end: do
    :: atomic { (brought || known) && accepted < 2 ->
        if
        :: brought -> by = A
        :: known -> by = E
        fi;
        accepted++;
        printf("MSC: B accepts the ticket of %e as A\n", by);
#ifdef IMPOSTURE
        property(asker_is_who_it_is, by == A)
#else
        property(accepted_once, accepted < 2)
#endif
        ; by = nobody }
    od
}

init { atomic { run NameServer(); run TaskA(); run Attacker(); run TaskB() } }
