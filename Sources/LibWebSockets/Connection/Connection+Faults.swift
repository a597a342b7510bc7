// Called on the loop's thread only.
extension Connection {
    /// Tells whether arrived bytes may be read; otherwise reading stops until they may.
    func mayReadNow() -> Bool {
        guard let faults, faults.readsNothing || faults.delay > .zero, let pipe else { return true }
        if !faults.readsNothing, faults.isDelayOver {
            self.faults?.isDelayOver = false
            return true
        }
        pipe.setReading(false)
        guard !faults.readsNothing else { return false }
        _ = pipe.schedule(after: faults.delay) { [weak self] in
            guard let self else { return }
            self.faults?.isDelayOver = true
            self.pipe?.setReading(true)
        }
        return false
    }
}
