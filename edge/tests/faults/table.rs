//! What is broken, and what is to come of it: the stated times of `docs/faults.md`.

use gatepost_model::event::FaultCode;

/// How something is broken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Break {
    /// A pin never says anything but this.
    Held(&'static str, bool),
    /// Pins change so often a second, each for five seconds.
    Noise(&'static [&'static str], u64),
    /// The bus answers every word so.
    Word(u16),
    /// The kernel's number of an error for every word, or every n-th.
    Errno(i32, u64),
    /// The thermometer's word no longer changes.
    Frozen,
}

pub(crate) struct Row {
    pub(crate) what: &'static str,
    pub(crate) how: Break,
    /// The sensor at fault and its code; none where no fault is to be told.
    pub(crate) fault: Option<(&'static str, FaultCode)>,
    /// Told within so many seconds after it broke,
    pub(crate) within_s: u64,
    /// and over within so many seconds after it was mended, or had gone by itself.
    pub(crate) over_s: u64,
}

const NOBODY: i32 = 121;
const TIMED_OUT: i32 = 110;
const BAD_CHECKSUM: i32 = 74;

pub(crate) const TABLE: &[Row] = &[
    row(
        "outer beam: wire pulled, reads clear",
        Break::Held("a", false),
        Some(("a", FaultCode::Stuck)),
        60,
        30,
    ),
    row(
        "inner beam: wire pulled, reads clear",
        Break::Held("b", false),
        Some(("b", FaultCode::Stuck)),
        60,
        30,
    ),
    row(
        "outer beam: short, reads broken",
        Break::Held("a", true),
        Some(("a", FaultCode::Blocked)),
        61,
        1,
    ),
    row(
        "inner beam: short, reads broken",
        Break::Held("b", true),
        Some(("b", FaultCode::Blocked)),
        61,
        1,
    ),
    row(
        "one beam: noise of 1 kHz",
        Break::Noise(&["a"], 1000),
        Some(("a", FaultCode::OutOfRange)),
        1,
        11,
    ),
    row(
        "both beams: noise of 300 Hz",
        Break::Noise(&["a", "b"], 300),
        Some(("b", FaultCode::OutOfRange)),
        1,
        11,
    ),
    row(
        "flow meter: wire pulled",
        Break::Held("flow", false),
        Some(("flow", FaultCode::Stuck)),
        80,
        60,
    ),
    row(
        "flow meter: short",
        Break::Held("flow", true),
        Some(("flow", FaultCode::Stuck)),
        80,
        60,
    ),
    row(
        "flow meter: noise of 5 kHz",
        Break::Noise(&["flow"], 5000),
        Some(("flow", FaultCode::OutOfRange)),
        1,
        11,
    ),
    row(
        "start button: stuck",
        Break::Held("start", true),
        Some(("start", FaultCode::Stuck)),
        61,
        1,
    ),
    row(
        "guard's button: short",
        Break::Held("ok", true),
        Some(("ok", FaultCode::Stuck)),
        61,
        1,
    ),
    row(
        "guard's button: loose contact, 10 presses a second",
        Break::Noise(&["ok"], 20),
        Some(("ok", FaultCode::OutOfRange)),
        1,
        11,
    ),
    row(
        "guard's button: noise of 1 kHz",
        Break::Noise(&["ok"], 1000),
        Some(("ok", FaultCode::OutOfRange)),
        1,
        11,
    ),
    row(
        "thermometer: wire pulled",
        Break::Errno(NOBODY, 1),
        Some(("ir", FaultCode::BusError)),
        11,
        10,
    ),
    row(
        "thermometer: bus held low",
        Break::Errno(TIMED_OUT, 1),
        Some(("ir", FaultCode::BusError)),
        14,
        10,
    ),
    row(
        "thermometer: every checksum wrong",
        Break::Errno(BAD_CHECKSUM, 1),
        Some(("ir", FaultCode::BusError)),
        11,
        10,
    ),
    row(
        "thermometer: every second checksum wrong",
        Break::Errno(BAD_CHECKSUM, 2),
        None,
        0,
        0,
    ),
    row(
        "thermometer: reads all ones",
        Break::Word(0xffff),
        Some(("ir", FaultCode::BusError)),
        11,
        10,
    ),
    row(
        "thermometer: reads all zeroes",
        Break::Word(0x0000),
        Some(("ir", FaultCode::BusError)),
        11,
        10,
    ),
    row(
        "thermometer: reads 1037.55 degC's word",
        Break::Word(0xfffe),
        Some(("ir", FaultCode::BusError)),
        11,
        10,
    ),
    row(
        "thermometer: reads 60 degC",
        Break::Word(0x4113),
        Some(("ir", FaultCode::OutOfRange)),
        30,
        30,
    ),
    row(
        "thermometer: frozen",
        Break::Frozen,
        Some(("ir", FaultCode::Frozen)),
        60,
        30,
    ),
];

const fn row(
    what: &'static str,
    how: Break,
    fault: Option<(&'static str, FaultCode)>,
    within_s: u64,
    over_s: u64,
) -> Row {
    Row {
        what,
        how,
        fault,
        within_s,
        over_s,
    }
}
