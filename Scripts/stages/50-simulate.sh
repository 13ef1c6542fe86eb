# Whole nodes in one process, one seed each. SEEDS says how many, FIRST where to begin; a failing seed replays exactly with SEEDS=1 FIRST=it.

absent() { grep -q 'import MasixSimulator' Sources/masix-simulate/*.swift || echo "masix-simulate does not run seeds yet"; }

run() {
    local seeds=${SEEDS:-200}
    [[ -z ${SEEDS:-} && $EXTENT == long ]] && seeds=20000
    swift run -c release masix-simulate --seeds "$seeds" --first "${FIRST:-1}"
}
