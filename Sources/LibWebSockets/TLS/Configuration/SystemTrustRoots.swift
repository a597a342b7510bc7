internal import COpenSSL
internal import LibC

/// The places where `SSL_CTX_set_default_verify_paths(3)` looks for the system's root certificates.
enum SystemTrustRoots {
    private static var file: String {
        unsafe path(X509_get_default_cert_file_env(), X509_get_default_cert_file())
    }

    /// `SSL_CERT_DIR` may name several (`X509_LOOKUP_hash_dir(3)`).
    private static var directories: [String] {
        unsafe path(X509_get_default_cert_dir_env(), X509_get_default_cert_dir()).split(separator: ":").map(String.init)
    }

    /// The file and the directories, which need not exist.
    static var paths: [String] { [file] + directories }

    /// There are roots: containers often lack the package `ca-certificates`.
    static var exist: Bool {
        FileOrBytes.file(file).stamp.map { $0.size > 0 } == true || directories.contains(where: isPopulated)
    }

    private static func path(_ variable: UnsafePointer<CChar>?, _ fallback: UnsafePointer<CChar>?) -> String {
        if let variable = unsafe variable, let value = unsafe getenv(variable) { return unsafe String(cString: value) }
        return unsafe fallback.map { unsafe String(cString: $0) } ?? ""
    }

    private static func isPopulated(_ directory: String) -> Bool {
        guard let stream = unsafe opendir(directory) else { return false }
        defer { unsafe closedir(stream) }
        while let entry = unsafe readdir(stream) {
            if unsafe entry.pointee.d_name.0 != CChar(bitPattern: UInt8(ascii: ".")) { return true }
        }
        return false
    }
}
