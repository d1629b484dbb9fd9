//! What the machine tells of itself in sysfs: its temperature, and whether its supply sags.

use std::{fs, path::Path};

/// How the machine is; what it does not tell is none.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MachineHealth {
    /// The processor's temperature, degC.
    pub cpu_c: Option<f64>,
    /// The supply fell below what the Pi needs (about 4.63 V) since power on: the driver's flag stays
    /// set. It explains counts that go wrong.
    pub undervoltage: Option<bool>,
}

/// The driver of the Pi's own power monitor.
const PI_VOLTAGE: &str = "rpi_volt";

/// Reads from a sysfs; on the machine `/sys`.
pub fn read(sys: &Path) -> MachineHealth {
    MachineHealth {
        cpu_c: number(&sys.join("class/thermal/thermal_zone0/temp")).map(|milli| milli / 1000.0),
        undervoltage: undervoltage(&sys.join("class/hwmon")),
    }
}

fn undervoltage(monitors: &Path) -> Option<bool> {
    fs::read_dir(monitors)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| {
            fs::read_to_string(path.join("name")).is_ok_and(|name| name.trim() == PI_VOLTAGE)
        })
        .and_then(|path| number(&path.join("in0_lcrit_alarm")))
        .map(|alarm| alarm > 0.0)
}

fn number(path: &Path) -> Option<f64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pi_tells_its_temperature_and_supply_and_others_nothing() {
        let sys = tempfile::tempdir().unwrap();
        assert_eq!(read(sys.path()), MachineHealth::default());
        let write = |path: &str, text: &str| {
            let path = sys.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("class/thermal/thermal_zone0/temp", "51540\n");
        write("class/hwmon/hwmon0/name", "cpu_thermal\n");
        write("class/hwmon/hwmon1/name", "rpi_volt\n");
        write("class/hwmon/hwmon1/in0_lcrit_alarm", "1\n");
        let health = MachineHealth {
            cpu_c: Some(51.54),
            undervoltage: Some(true),
        };
        assert_eq!(read(sys.path()), health);
    }
}
