//! How fast an I2C bus goes, as the device tree has it.
//!
//! An MLX90614 speaks SMBus, which goes at 10 to 100 kHz (System Management Bus Specification 2.0, 3.1.1).
//! A bus that is set faster works most of the time, and its wrong checksums look like a bad wire.

use std::{fs, ops::RangeInclusive, path::Path};

use super::{Finding, State};

const SMBUS_HZ: RangeInclusive<u32> = 10_000..=100_000;

/// The bus with its speed; none where no device tree tells it.
pub(super) fn speed(bus: u8) -> Option<Finding> {
    of_adapter(Path::new(&format!("/sys/bus/i2c/devices/i2c-{bus}")), bus)
}

fn of_adapter(adapter: &Path, bus: u8) -> Option<Finding> {
    // A cell of the device tree: 32 bits, the highest byte first.
    let cell = fs::read(adapter.join("of_node/clock-frequency")).ok()?;
    let hertz = u32::from_be_bytes(cell.try_into().ok()?);
    let (state, cure) = if SMBUS_HZ.contains(&hertz) {
        (State::Fine, "")
    } else {
        (
            State::Wrong,
            ": thermometers need 10 to 100; set dtparam=i2c_arm_baudrate=100000 in /boot/firmware/config.txt and start anew",
        )
    };
    let seen = format!("{} kHz{cure}", f64::from(hertz) / 1000.0);
    Some(Finding::new(format!("bus {bus}"), state, seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(cell: &[u8]) -> Option<Finding> {
        let adapter = tempfile::tempdir().unwrap();
        fs::create_dir(adapter.path().join("of_node")).unwrap();
        fs::write(adapter.path().join("of_node/clock-frequency"), cell).unwrap();
        of_adapter(adapter.path(), 1)
    }

    #[test]
    fn a_bus_that_thermometers_cannot_follow_is_told_with_its_cure() {
        let slow = with(&[0x00, 0x01, 0x86, 0xA0]).unwrap();
        assert_eq!((slow.state, slow.seen.as_str()), (State::Fine, "100 kHz"));
        let fast = with(&[0x00, 0x06, 0x1A, 0x80]).unwrap();
        assert_eq!(fast.state, State::Wrong);
        assert!(fast.seen.starts_with("400 kHz: "), "{}", fast.seen);
        assert!(fast.seen.contains("i2c_arm_baudrate=100000"));
    }

    #[test]
    fn without_a_device_tree_nothing_is_said() {
        let adapter = tempfile::tempdir().unwrap();
        assert!(of_adapter(adapter.path(), 1).is_none());
        assert!(with(&[1, 2]).is_none());
    }
}
