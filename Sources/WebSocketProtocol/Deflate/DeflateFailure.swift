internal import CZlib

/// zlib could not compress. Nothing that a peer or a message can cause: memory is short, or the library is not as it
/// should be.
package struct DeflateFailure: Error, Hashable, CustomStringConvertible {
    package let description: String

    init(_ status: Int32, _ stream: z_stream) {
        description = "zlib cannot compress: \(ZlibError.text(status, stream))"
    }
}
