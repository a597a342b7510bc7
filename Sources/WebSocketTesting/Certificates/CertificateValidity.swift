/// The time in which a certificate is valid, counted from the moment it is made.
public struct CertificateValidity: Hashable, Sendable {
    /// The start of the validity.
    public var begins: Duration
    /// The end of the validity.
    public var ends: Duration

    /// A time of validity, negative durations being in the past. Neither end is further away than a century.
    public init(from begins: Duration, to ends: Duration) {
        self.begins = begins
        self.ends = ends
    }

    private static let day = Duration.seconds(86_400)

    /// A validity from an hour ago, so that clocks may differ, for 30 days.
    public static let current = CertificateValidity(from: .seconds(-3_600), to: day * 30)
    /// A validity that ended yesterday.
    public static let expired = CertificateValidity(from: day * -30, to: day * -1)
    /// A validity that begins tomorrow.
    public static let notYetValid = CertificateValidity(from: day, to: day * 30)
}
