package struct SystemCallFailure: Error {
    package let call: String
    package let errno: CInt

    package init(call: String, errno: CInt) {
        (self.call, self.errno) = (call, errno)
    }
}
