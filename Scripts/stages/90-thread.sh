# The tests again, under the thread sanitizer. It sees races inside one process only; those between processes are the models' and the stress test's.
long=yes

absent() { :; }

run() { swift test --sanitize=thread --scratch-path .build-thread; }
