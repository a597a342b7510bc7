import Testing

extension Trait where Self == TimeLimitTrait {
    /// For suites that wait for something: a bug that makes one of their tests hang fails that test instead.
    static var hangs: Self { .timeLimit(.minutes(1)) }
}
