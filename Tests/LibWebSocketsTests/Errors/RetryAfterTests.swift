import Testing

@testable import LibWebSockets

@Suite struct RetryAfterTests {
    private static let now = "Mon, 23 Nov 2026 02:53:38 GMT"

    @Test(
        "Seconds", arguments: [("0", 0), ("1", 1), ("120", 120), ("007", 7), ("9223372036854775807", Int64.max)])
    func seconds(value: String, expected: Int64) {
        #expect(RetryAfter.delay(value, date: nil) == .seconds(expected))
        #expect(RetryAfter.delay(value, date: Self.now) == .seconds(expected))
    }

    @Test("More seconds than fit are as good as never, not an overflow", arguments: [20, 40, 10_000])
    func hugeSeconds(digits: Int) throws {
        let delay = try #require(RetryAfter.delay(String(repeating: "9", count: digits), date: nil))
        #expect(delay > .seconds(100 * 365 * 86_400))
        // It must survive what a caller does with it.
        #expect(delay + .seconds(1) > delay)
    }

    static let dates: [(String, Int64)] = [
        ("Mon, 23 Nov 2026 02:53:39 GMT", 1),
        ("Mon, 23 Nov 2026 02:54:38 GMT", 60),
        ("Tue, 24 Nov 2026 02:53:38 GMT", 86_400),
        ("Wed, 23 Dec 2026 02:53:38 GMT", 2_592_000),
        ("Tue, 23 Nov 2027 02:53:38 GMT", 31_536_000),
        // Across the leap day of 2028.
        ("Thu, 23 Nov 2028 02:53:38 GMT", 63_158_400),
        ("Fri, 31 Dec 9999 23:59:60 GMT", 251_606_898_382),
    ]

    @Test("A date counts from the server's own clock", arguments: dates)
    func date(value: String, seconds: Int64) {
        #expect(RetryAfter.delay(value, date: Self.now) == .seconds(seconds))
    }

    @Test("Every month of 400 years begins and ends on its day")
    func calendar() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        let names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        var days = 0
        for year in 1970..<2370 {
            let isLeap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0
            for month in 0..<12 {
                let length = lengths[month] + (month == 1 && isLeap ? 1 : 0)
                for (day, elapsed) in [(1, days), (length, days + length - 1)] {
                    let date = "Thu, \(day < 10 ? "0" : "")\(day) \(names[month]) \(year) 00:00:00 GMT"
                    let delay = RetryAfter.delay(date, date: "Thu, 01 Jan 1970 00:00:00 GMT")
                    #expect(delay == .seconds(elapsed * 86_400), "\(date)")
                }
                days += length
            }
        }
    }

    @Test(
        "A date that has passed means now",
        arguments: ["Mon, 23 Nov 2026 02:53:37 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"])
    func past(value: String) {
        #expect(RetryAfter.delay(value, date: Self.now) == .zero)
        #expect(RetryAfter.delay("Thu, 01 Jan 1970 00:00:00 GMT", date: nil) == .zero)
    }

    @Test("Without a usable Date header, this machine's clock is what there is", arguments: [nil, "", "yesterday"])
    func localClock(date: String?) throws {
        let delay = try #require(RetryAfter.delay("Fri, 31 Dec 9999 23:59:59 GMT", date: date))
        #expect(delay > .seconds(100 * 365 * 86_400))
    }

    @Test(
        "The two obsolete forms that RFC 9110 section 5.6.7 still obliges recipients to read",
        arguments: ["Monday, 23-Nov-26 02:54:38 GMT", "Mon Nov 23 02:54:38 2026"])
    func obsoleteForms(value: String) {
        #expect(RetryAfter.delay(value, date: Self.now) == .seconds(60))
    }

    @Test(
        "Anything else is no delay",
        arguments: [
            "", " ", "-1", "+1", "1.5", "1e3", "0x10", "soon", "١٢", "12 seconds", "1,2",
            "Mon, 23 Nov 2026 02:53:38", "Mon, 23 Nov 2026 02:53:38 PST", "Mon, 32 Nov 2026 02:53:38 GMT",
            "Mon, 0 Nov 2026 02:53:38 GMT", "Mon, 23 Foo 2026 02:53:38 GMT", "Mon, 23 Nov 1969 02:53:38 GMT",
            "Mon, 23 Nov 10000 02:53:38 GMT", "Mon, 23 Nov 2026 24:00:00 GMT", "Mon, 23 Nov 2026 02:60:38 GMT",
            "Mon, 23 Nov 2026 02:53:61 GMT", "Mon, 23 Nov 99999999999999999999 02:53:38 GMT",
            "Mon, 23 Nov 2026 -2:53:38 GMT", "Monday, 23-Nov-2026 02:54:38 GMT", "Monday, 23-Nov 02:54:38 GMT",
            "Nov Mon 23 02:54:38 2026", ":::::::", ", , , , , , , GMT",
        ])
    func garbage(value: String) {
        #expect(RetryAfter.delay(value, date: Self.now) == nil)
    }
}
