# Every public symbol of the library is documented, and the documentation builds.

absent() { :; }

run() { Scripts/docs --check; }
