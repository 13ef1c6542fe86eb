# A node without peers that does nothing costs next to nothing, and a program's first call comes soon after its start. Scripts/idle has the limits.

absent() { :; }

run() {
    if [[ $EXTENT == long ]]; then Scripts/idle 60; else Scripts/idle 10; fi
}
