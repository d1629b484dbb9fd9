//! What the kernel thinks of its own wall clock: `adjtimex(2)`, asked and never told anything.
//!
//! The only unsafe code of Gatepost, in a crate of its own so that every other one can forbid it. The
//! safe wrappers that exist do not build where a C `long` has 32 bits.

use std::io;

/// The kernel's view of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discipline {
    /// A time server disciplines it: the flag `STA_UNSYNC` is not set.
    pub synchronised: bool,
    /// The bound on its error in microseconds; grows while no time server is heard.
    pub max_error_us: u64,
}

/// Asks the kernel. Fails where a sandbox forbids the call.
#[expect(unsafe_code, reason = "a system call that nobody wraps for 32 bits")]
pub fn discipline() -> io::Result<Discipline> {
    // SAFETY: a `timex` is integers only, so all zeros is a value of it; `modes` 0 asks and changes nothing.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a `timex` of this frame, valid and writable while the call lasts.
    if unsafe { libc::adjtimex(&raw mut state) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Discipline {
        synchronised: state.status & libc::STA_UNSYNC == 0,
        max_error_us: u64::try_from(state.maxerror).unwrap_or(u64::MAX),
    })
}
