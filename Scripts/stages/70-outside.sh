# A package outside this one, which knows the library by its path alone: it builds, and its program of at most ten lines says what is expected.
#
# Scripts/outside holds the program (main.swift) and what it must print (expected). If there is an executable `run` beside them, it gets the built program as its argument
# and runs it in the surroundings that it needs; otherwise the program runs by itself.

absent() { :; }

run() {
    local root=$PWD folder
    folder=$(mktemp -d)
    # shellcheck disable=SC2064  # the name is fixed now
    trap "rm -rf '$folder'" EXIT
    if [[ $(grep -c . Scripts/outside/main.swift) -gt 10 ]]; then
        echo "Scripts/outside/main.swift: the first program has at most ten lines"
        return 1
    fi
    mkdir -p "$folder/Sources/first"
    cp Scripts/outside/main.swift "$folder/Sources/first/main.swift"
    cat >"$folder/Package.swift" <<MANIFEST
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "first",
    dependencies: [.package(name: "Masix", path: "$root")],
    targets: [.executableTarget(name: "first", dependencies: [.product(name: "Masix", package: "Masix")])]
)
MANIFEST
    swift build --package-path "$folder"
    if [[ -x Scripts/outside/run ]]; then
        timeout 60 Scripts/outside/run "$folder/.build/debug/first" >"$folder/output"
    else
        timeout 60 "$folder/.build/debug/first" >"$folder/output"
    fi
    diff Scripts/outside/expected "$folder/output"
    echo "a package outside the repository builds and runs"
}
