# The main job in small: the demo with small trees, all of its checks included.

absent() { :; }

run() { DEMO_QUICK=1 timeout 300 Scripts/demo; }
