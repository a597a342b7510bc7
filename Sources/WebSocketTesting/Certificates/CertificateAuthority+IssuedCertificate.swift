internal import LibC

extension CertificateAuthority {
    /// Writes the authority's certificate to `DIRECTORY/NAME.pem` and returns that path.
    public func write(to directory: String, name: String = "ca") throws(CertificateError) -> String {
        let path = "\(directory)/\(name).pem"
        try writePEM(certificatePEM, to: path, mode: 0o644)
        return path
    }
}

/// Replaces what is there; a file that existed must not keep wider permissions, so it is made anew.
func writePEM(_ text: String, to path: String, mode: mode_t) throws(CertificateError) {
    unlink(path)
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else {
        throw CertificateError("\(path) cannot be made (\(String(cString: strerror(errno))))")
    }
    defer { close(descriptor) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else {
            throw CertificateError("\(path) cannot be written (\(String(cString: strerror(errno))))")
        }
        rest = rest.dropFirst(count)
    }
}
