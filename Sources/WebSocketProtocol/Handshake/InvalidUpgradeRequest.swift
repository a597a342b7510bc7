/// The reason why no opening handshake can be made from what the user passed in. Nothing was sent.
package struct InvalidUpgradeRequest: Error, Hashable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
