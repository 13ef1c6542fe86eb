# The decoders, fed with what nobody should send. FUZZ_RUNS is the number of executions of all targets together.

absent() { [[ -x Fuzz/run ]] || echo "Fuzz/run is not in this tree yet"; }

run() {
    local runs=${FUZZ_RUNS:-1000000}
    [[ -z ${FUZZ_RUNS:-} && $EXTENT == long ]] && runs=20000000
    FUZZ_RUNS=$runs Fuzz/run
}
