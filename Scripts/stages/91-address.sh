# The tests again, under the address sanitizer.
long=yes

absent() { :; }

run() { swift test --sanitize=address --scratch-path .build-address; }
