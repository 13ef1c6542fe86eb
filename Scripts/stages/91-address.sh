# The tests again, under the address sanitizer, leaks included. Without XCTest, whose runner leaks and which no test here uses.
long=yes

absent() { :; }

run() { swift test --disable-xctest --sanitize=address --scratch-path .build-address; }
