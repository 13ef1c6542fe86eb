import ArgumentParser

// One program, each role of a node a process of its own; which one, the first word says.
Masixd.main()
