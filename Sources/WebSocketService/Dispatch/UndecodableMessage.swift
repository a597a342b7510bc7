/// A message that does not decode as the type a handler asks for.
struct UndecodableMessage: Error {
    let type: any Any.Type
    let underlying: any Error
}
