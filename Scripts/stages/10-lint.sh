# The formatter has nothing to change.

absent() { :; }

run() { Scripts/lint; }
