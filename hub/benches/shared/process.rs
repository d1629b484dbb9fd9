//! What the kernel knows of a process; `self` is this one.

use std::fs::read_to_string;

/// The most memory that it ever had, kB.
pub(crate) fn peak_memory(process: &str) -> u64 {
    number(process, "status", "VmHWM:")
}

/// Bytes that it had written to disks.
pub(crate) fn written(process: &str) -> u64 {
    number(process, "io", "write_bytes:")
}

/// A number that a file of it has behind a name.
pub(crate) fn number(process: &str, file: &str, name: &str) -> u64 {
    let text = read_to_string(format!("/proc/{process}/{file}")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.unwrap().split_whitespace().next().unwrap();
    number.parse().unwrap()
}
