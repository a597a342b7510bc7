internal import LibC

/// The value of a `Retry-After` header (RFC 9110 section 10.2.3): seconds, or a date.
enum RetryAfter {
    /// The delay that `value` asks for; `nil` when it is neither form.
    ///
    /// - Parameter date: The response's `Date` header: the server's own clock, by which its dates are meant. Without it
    ///   this machine's clock is taken.
    static func delay(_ value: String, date: String?) -> Duration? {
        if !value.isEmpty, value.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            // More than fits is as good as never.
            return .seconds(Int64(value) ?? .max / 4)
        }
        guard let until = secondsSinceEpoch(value) else { return nil }
        return .seconds(max(0, until - (date.flatMap(secondsSinceEpoch) ?? time(nil))))
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Reads the three forms that RFC 9110 section 5.6.7 obliges recipients to accept:
    /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
    private static func secondsSinceEpoch(_ httpDate: String) -> Int? {
        var parts = httpDate.split(whereSeparator: { $0 == " " || $0 == ":" || $0 == "," })
        if parts.count == 6 {
            // Two digits are a year of 1969 to 2068 (strptime(3)).
            let date = parts[1].split(separator: "-")
            guard date.count == 3, date[2].count == 2, let year = Int(date[2]) else { return nil }
            parts.replaceSubrange(1...1, with: [date[0], date[1], "\(year + (year < 69 ? 2000 : 1900))"])
        } else if parts.count == 7 {
            parts = [parts[0], parts[2], parts[1], parts[6], parts[3], parts[4], parts[5], "GMT"]
        }
        guard parts.count == 8, parts[7] == "GMT", let month = months.firstIndex(of: String(parts[2])) else {
            return nil
        }
        let numbers = [parts[1], parts[3], parts[4], parts[5], parts[6]].compactMap { Int($0) }
        guard
            numbers.count == 5, (1...31).contains(numbers[0]), (1970...9999).contains(numbers[1]),
            (0..<24).contains(numbers[2]), (0..<60).contains(numbers[3]), (0...60).contains(numbers[4])
        else { return nil }
        // Years that begin in March end with the leap day, which makes the months' lengths regular.
        let year = numbers[1] - (month < 2 ? 1 : 0)
        let dayOfYear = (153 * ((month + 10) % 12) + 2) / 5 + numbers[0] - 1
        let days = year * 365 + year / 4 - year / 100 + year / 400 + dayOfYear - daysBefore1970
        return ((days * 24 + numbers[2]) * 60 + numbers[3]) * 60 + numbers[4]
    }

    /// From 1 March of the year 0 to 1 January 1970 in the Gregorian calendar.
    private static let daysBefore1970 = 719_468
}
