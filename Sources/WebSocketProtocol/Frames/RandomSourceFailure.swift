/// No unpredictable bytes could be had. RFC 6455 section 10.3 makes masks depend on them, so nothing is sent without.
package struct RandomSourceFailure: Error, Hashable, CustomStringConvertible {
    package let description: String

    package init(description: String) {
        self.description = description
    }
}
