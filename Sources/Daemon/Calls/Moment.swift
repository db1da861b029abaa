internal import Model

/// The present on both clocks: what a call's limits count by, and what people read.
struct Moment {
    let instant: Instant
    let time: Timestamp

    static func now() -> Moment { Moment(instant: .now(), time: .now()) }
}
