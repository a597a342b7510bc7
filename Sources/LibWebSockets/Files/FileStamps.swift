/// The state that files were in: equal ones mean that none has changed.
struct FileStamps: Hashable, Sendable {
    /// Part of it, because an environment variable may name other ones.
    private let paths: [String]
    private let stamps: [FileOrBytes.Stamp?]

    init(of sources: [FileOrBytes]) {
        paths = sources.compactMap { if case .file(let path) = $0 { path } else { nil } }
        stamps = paths.map { FileOrBytes.file($0).stamp }
    }
}
