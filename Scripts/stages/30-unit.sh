# Every test target, in parallel within the process. Their nodes write down what situations they meet, for the stage situations.

absent() { :; }

run() {
    local place=$PWD/.build/situations/node
    rm -rf "$place"
    mkdir -p "$place"
    # A node's processes may be users of their own.
    chmod 1777 "$place"
    # What blocks its threads for long goes by itself: Swift's concurrency has as few as there are processors.
    MASIX_SITUATIONS=$place swift test --skip '^NetworkServerTests\.'
    swift test --skip-build --filter '^NetworkServerTests\.'
}
