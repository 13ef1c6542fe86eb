import MasixTestKit
import MasixTyped
import PhoneBook
import Testing

@Test func whatIsEnteredIsFound() throws {
    try TestNode.run(names: true) { node in
        let space = try node.attach()
        let server = try phoneBook(in: space)
        server.insert(try space.names.register("phone-book"))
        let serving = try Background { try server.run() }

        let book = try node.attach().names.lookUp("phone-book")
        let _: Nothing = try book.call(Enter(name: "Ada", number: "1815"), timeout: .seconds(10))
        #expect(try book.call(LookUp(name: "Ada"), timeout: .seconds(10)).number == "1815")

        server.stop()
        try serving.wait()
    }
}
