import Masix

// Finds the server by its name and calls it. Every error says what to do about it.
do {
    let space = try Space.attach()
    let server = try space.names.lookUp("hello")
    let answer = try server.call(Message(text: "Hello"), timeout: .seconds(1))
    print(answer.text ?? "(no text)")
} catch {
    print("hello-client: \(error)")
}
