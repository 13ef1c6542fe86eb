# The main job in small: the demo with small trees, all of its checks included.

absent() { :; }

run() {
    local place=$PWD/.build/situations/node
    if [[ -d $place ]]; then export MASIX_SITUATIONS=$place; fi
    DEMO_QUICK=1 timeout 300 Scripts/demo
}
