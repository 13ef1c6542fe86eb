# Every test target, in parallel within the process. Their nodes write down what situations they meet, for the stage situations.

absent() { :; }

run() {
    local place=$PWD/.build/situations/node
    rm -rf "$place" "${place%/*}"/modelled-*
    mkdir -p "$place"
    # A node's processes may be users of their own.
    chmod 1777 "$place"
    # What blocks its threads for long goes by itself, and so does what suspends often and each time waits for its turn behind all the others:
    # Swift's concurrency has as few threads as there are processors.
    local apart='^NetworkServerTests\.|^MasixTests\.(Waiting|Arrivals)Tests|^TypedTests\.(CallServer|TypedSendRight)Tests'
    MASIX_SITUATIONS=$place swift test --skip "$apart"
    swift test --skip-build --filter "$apart"
}
