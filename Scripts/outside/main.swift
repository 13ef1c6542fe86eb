import Masix

let space = try Space.attach()
let port = try space.names.register("mailbox")
let mailbox = try space.names.lookUp("mailbox")
try mailbox.send(Message(text: "Masix is here"))
let message = try port.receive(timeout: .seconds(1))
print(try message.senderIdentity().name, "says:", message.text ?? "")
