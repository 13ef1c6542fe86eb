/* A sender waits for room: the same flag-and-fence handshake the other way round. Memory is x86-TSO as in wake.pml.
 *
 * The receiver publishes `consumed`, fences, reads `waiting`, rings. The sender sets `waiting`, fences, reads `consumed` again,
 * and only then sleeps on its own pipe.
 */

#ifndef MESSAGES
#define MESSAGES 4
#endif
#ifndef WINDOW
#define WINDOW 1
#endif
#define PIPE 2

#define SENDER 0
#define RECEIVER 1
#define SENT 0
#define CONSUMED 1
#define WAITING 2

typedef Buffer { bit holds; byte address; byte value };
Buffer buffer[2];
byte memory[3];
byte pipe;
byte sent, consumed;                                /* each one's own copy of what it wrote */

bool no_lost_wake_up = 1, within_window = 1;
#define property(name, condition) name = (condition); assert(name)

#define store(p, a, v) atomic { !buffer[p].holds -> buffer[p].holds = 1; buffer[p].address = a; buffer[p].value = v }
#define load(p, a) (buffer[p].holds && buffer[p].address == (a) -> buffer[p].value : memory[a])
#define fence(p) !buffer[p].holds
#ifdef NO_WAITING_FENCE
#define waiting_fence(p) skip
#else
#define waiting_fence(p) fence(p)
#endif
#ifdef NO_CONSUMED_FENCE
#define consumed_fence(p) skip
#else
#define consumed_fence(p) fence(p)
#endif

#define drain(p) atomic { buffer[p].holds -> printf("MSC: the store of %d to word %d reaches memory: %d\n", p, buffer[p].address, buffer[p].value); \
    memory[buffer[p].address] = buffer[p].value; buffer[p].holds = 0; buffer[p].address = 0; buffer[p].value = 0 }

proctype Drain()
{
    do
    :: drain(0)
    :: drain(1)
    od
}

proctype Sender()
{
again:
    do
    :: sent == MESSAGES -> break
    :: atomic { sent < MESSAGES && sent - load(SENDER, CONSUMED) < WINDOW ->
            sent++; store(SENDER, SENT, sent); printf("MSC: A sends %d\n", sent) }
    :: atomic { sent < MESSAGES && sent - load(SENDER, CONSUMED) >= WINDOW -> printf("MSC: A finds no room\n") };
        atomic { store(SENDER, WAITING, 1); printf("MSC: A stores waiting = 1\n") };
        waiting_fence(SENDER);
#ifndef NO_WAITING_RECHECK
        if
        :: sent - load(SENDER, CONSUMED) < WINDOW -> store(SENDER, WAITING, 0); goto again
        :: atomic { sent - load(SENDER, CONSUMED) >= WINDOW -> printf("MSC: A finds no room again\n") }
        fi;
#endif
        atomic { printf("MSC: A reads its pipe\n"); pipe > 0 -> printf("MSC: A wakes\n") };
        store(SENDER, WAITING, 0);
        pipe = 0
    od
}

proctype Receiver()
{
    do
    :: consumed == MESSAGES -> break
    :: atomic { load(RECEIVER, SENT) > consumed ->
            property(within_window, load(RECEIVER, SENT) - consumed <= WINDOW);
            consumed++; store(RECEIVER, CONSUMED, consumed); printf("MSC: B publishes consumed = %d\n", consumed) };
        consumed_fence(RECEIVER);
        if
        :: atomic { load(RECEIVER, WAITING) == 1 -> printf("MSC: B rings\n"); if :: pipe < PIPE -> pipe++ :: else fi }
        :: atomic { load(RECEIVER, WAITING) == 0 -> printf("MSC: B sees nobody waiting\n") }
        fi
    od
}

proctype Monitor()
{
    timeout ->
    atomic { property(no_lost_wake_up, sent == MESSAGES && consumed == MESSAGES) }
}

init
{
    atomic { run Drain(); run Sender(); run Receiver(); run Monitor() }
}
