# Everything compiles, tests included, and nothing of ours warns: Swift warnings are errors by Package.swift, those of C and of the package manager are sought here.
essential=yes

absent() { :; }

run() {
    local log
    log=$(mktemp)
    # shellcheck disable=SC2064  # the name is fixed now
    trap "rm -f '$log'" EXIT
    swift build --build-tests 2>&1 | tee "$log"
    if grep -E "(^|: )warning: " "$log" | grep -Ev "/\.build/checkouts/|^warning: 'swift-"; then
        echo "the build warns (above)"
        return 1
    fi
}
