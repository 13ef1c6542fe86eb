# Programs in C, of both dialects of Mach, against the shared library, each beside a node of its own; and a database behind a port, SQL_ROWS rows of it.

absent() {
    if ! command -v x86_64-gnu-mig >/dev/null || [[ ! -e /usr/include/x86_64-linux-gnu/mach/message.h ]]; then
        echo "mig-x86-64-gnu and gnumach-dev are not installed (Scripts/install-dependencies)"
    fi
}

run() {
    for product in masix-mach masixd masix; do swift build --product "$product"; done
    Scripts/mach-rules --check
    Scripts/mach-programs "$(swift build --show-bin-path)"
    Tests/MachPrograms/sql/run "$(swift build --show-bin-path)" "${SQL_ROWS:-20000}"
}
