# Whole nodes in one process, one seed each. SEEDS says how many, FIRST where to begin; a failing seed replays exactly with SEEDS=1 FIRST=it.
# Then each defence of the protocols is taken away in turn, and the same seeds must notice.

absent() { grep -q 'import MasixSimulator' Sources/masix-simulate/*.swift || echo "masix-simulate does not run seeds yet"; }

run() {
    local seeds=${SEEDS:-3000}
    [[ -z ${SEEDS:-} && $EXTENT == long ]] && seeds=20000
    swift build -c release --product masix-simulate
    local program
    program=$(swift build -c release --show-bin-path)/masix-simulate
    mkdir -p .build/situations
    if [[ -n ${SEEDS:-} || -n ${FIRST:-} ]]; then
        # Somebody looks for something: a few seeds need not have met everything.
        "$program" --seeds "$seeds" --first "${FIRST:-1}"
        return
    fi
    "$program" --seeds "$seeds" --situations .build/situations/simulator
    "$program" --prove-mutations
    # The stories of the conformance suite, by real programs on such nodes; a few seeds of each are among the unit tests.
    if [[ $EXTENT == long ]]; then CARRIER=simulated SEEDS=150 swift test --filter 'Semantics/conforms'; fi
    if [[ $EXTENT == long ]]; then CARRIER=simulated-two-nodes SEEDS=20 swift test --filter 'Semantics/conforms'; fi
    if [[ $EXTENT == long ]]; then SEEDS=200 swift test --filter everybodyIsTold; fi
}
