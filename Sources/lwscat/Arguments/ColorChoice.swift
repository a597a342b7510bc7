import ArgumentParser

/// A rule for colours.
enum ColorChoice: String, CaseIterable, ExpressibleByArgument {
    case auto, always, never
}
