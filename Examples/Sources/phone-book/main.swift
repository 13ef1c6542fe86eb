import Masix
import MasixTyped
import PhoneBook

// phone-book serve: the server.  phone-book NAME [NUMBER]: its client, which looks a number up, or enters one.
let words = CommandLine.arguments.dropFirst()
do {
    let space = try Space.attach()
    if words.first == "serve" {
        let server = try phoneBook(in: space)
        server.insert(try space.names.register("phone-book"))
        try server.run()
    }
    let book = try space.names.lookUp("phone-book")
    if words.count == 2 {
        _ = try book.call(Enter(name: words[1], number: words[2]), timeout: .seconds(1)) as Nothing
    } else if let name = words.first {
        print(try book.call(LookUp(name: name), timeout: .seconds(1)).number)
    }
} catch let error as CallError<LookUp.Failure> {
    if case .failed(.unknown(let name)) = error { print("\(name) is in no book") } else { print("phone-book: \(error)") }
} catch {
    print("phone-book: \(error)")
}
