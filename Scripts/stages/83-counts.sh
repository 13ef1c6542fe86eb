# What a message, a call and a port cost, counted by callgrind: a change that makes the ways of every message longer is seen here. After the demo, which builds the library
# for release too. Scripts/counts says what is counted.

absent() { command -v valgrind >/dev/null || echo "valgrind is not installed"; }

run() { Scripts/counts; }
