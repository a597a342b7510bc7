/// The end of an attempt that inspects, when there was something to see.
struct InspectionIsDone: Error {
    let inspection: TLSInspection
}
