# Every test target, in parallel within the process.

absent() { :; }

run() { swift test; }
