import Glibc
import Masix
import MasixLinux
import MasixStories
import MasixTestKit

// One task of a test, as a process of its own. What it is to do, its words say:
//
//   play STORY ROLE DIRECTORY      plays one role of a story; a failure is told on standard error
//   victim WAY NUMBER DIRECTORY    does something until it is killed (`Victim`)
//   fork DIRECTORY                 forks, and says what the copy is allowed to do
//   greet NAME DIRECTORY           sends one message to what is left under NAME, and ends

/// Says why on standard error and ends.
func fail(_ words: String, _ code: Int32 = 1) -> Never {
    _ = try? Descriptor.write(Array((words + "\n").utf8), to: 2)
    exit(code)
}

let words = Array(CommandLine.arguments.dropFirst())
do {
    let space = try Space.attach(directory: words.last)
    switch (words.first, words.count) {
    case ("play", 4):
        guard let story = Story.named(words[1]), let role = story.roles.first(where: { $0.name == words[2] }) else {
            fail("no such role", 64)
        }
        try role.play(Stage(space: space, roles: story.roles.count))
    case ("victim", 4):
        guard let way = Victim.Way(rawValue: words[1]) else { fail("no such way", 64) }
        try Victim(space, number: words[2]).live(way)
    case ("greet", 3):
        try MeetingPlace(space).fetch(words[1]).send(Message(text: "\(getpid())"), timeout: .seconds(10))
    case ("fork", 2):
        try checkForkedCopy(of: space)
    default: fail("unknown words: \(words)", 64)
    }
} catch {
    fail("\(words): \(error)")
}
