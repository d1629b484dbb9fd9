//! A register of an MLX90614: what was read, and whether it can be true.
//!
//! Figures are the data sheet's: 0.02 K a step from absolute zero; a set top bit says that the sensor
//! itself takes the word for wrong; below 0x27AD and above 0x7FFF there are no temperatures.

use std::{io, ops::RangeInclusive};

/// The sensor's own temperature, which is the ambient's where it hangs.
pub const AMBIENT: u8 = 0x06;
/// The temperature of what it looks at, as if that were a black body.
pub const OBJECT: u8 = 0x07;

const VALID: RangeInclusive<u16> = 0x27AD..=0x7FFF;
const KELVIN_A_STEP: f64 = 0.02;
const ZERO_C_IN_KELVIN: f64 = 273.15;

/// The kernel's number for a wrong checksum (`EBADMSG`).
const BAD_CHECKSUM: i32 = 74;
/// Nobody acknowledged the address (`ENXIO`, and `EREMOTEIO` from the Pi's controller).
const NOBODY: [i32; 2] = [6, 121];
/// The bus did not get free or the clock was held (`ETIMEDOUT`, `EBUSY`).
const HELD: [i32; 2] = [110, 16];

/// Why a word is no temperature.
#[derive(Debug, thiserror::Error)]
pub enum WordError {
    /// The packet error code does not fit.
    #[error("pec")]
    Pec,
    /// Nobody has the address.
    #[error("nothing answers at this address")]
    Nobody,
    /// A line of the bus is held, or the clock is stretched for too long.
    #[error("the bus is held")]
    Held,
    /// The sensor says itself that the word is wrong.
    #[error("the sensor's error flag is set (0x{0:04x})")]
    Flag(u16),
    /// No temperature has this word: what a bus with a short reads.
    #[error("0x{0:04x} is no temperature")]
    Range(u16),
    /// Anything else from the kernel.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for WordError {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(BAD_CHECKSUM) => Self::Pec,
            Some(number) if NOBODY.contains(&number) => Self::Nobody,
            Some(number) if HELD.contains(&number) => Self::Held,
            _ => Self::Io(error),
        }
    }
}

/// The temperature that a word stands for, degC.
pub fn celsius(word: u16) -> Result<f64, WordError> {
    if word & 0x8000 != 0 {
        return Err(WordError::Flag(word));
    }
    if !VALID.contains(&word) {
        return Err(WordError::Range(word));
    }
    Ok(f64::from(word) * KELVIN_A_STEP - ZERO_C_IN_KELVIN)
}

/// What a surface that is no black body really has: the sensor sees `emissivity` of its own radiation
/// and the rest of the surroundings', both by the fourth power.
pub fn surface(seen_c: f64, ambient_c: f64, emissivity: f64) -> f64 {
    let fourth = |celsius: f64| (celsius + ZERO_C_IN_KELVIN).powi(4);
    let ambient = fourth(ambient_c);
    let own = (fourth(seen_c) - ambient) / emissivity + ambient;
    own.max(0.0).powf(0.25) - ZERO_C_IN_KELVIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_temperatures_or_say_why_not() {
        let word = |word| celsius(word).map(|c| (c * 100.0).round() / 100.0);
        // The data sheet's own example.
        assert_eq!(word(0x3AD2).unwrap(), 28.01);
        assert_eq!(word(0x27AD).unwrap(), -70.01);
        assert_eq!(word(0x7FFF).unwrap(), 382.19);
        assert!(matches!(word(0xFFFF), Err(WordError::Flag(_))));
        assert!(matches!(word(0xBAD2), Err(WordError::Flag(_))));
        assert!(matches!(word(0x0000), Err(WordError::Range(0))));
        assert!(matches!(word(0x27AC), Err(WordError::Range(_))));
    }

    #[test]
    fn the_kernels_numbers_are_told_in_words() {
        let told = |number| WordError::from(io::Error::from_raw_os_error(number)).to_string();
        assert_eq!(told(74), "pec");
        assert_eq!(told(121), "nothing answers at this address");
        assert_eq!(told(110), "the bus is held");
    }

    #[test]
    fn a_surface_that_reflects_is_farther_from_the_ambient_than_it_looks() {
        assert_eq!(surface(34.0, 20.0, 1.0).round(), 34.0);
        let skin = surface(34.0, 20.0, 0.98);
        assert!((34.2..34.4).contains(&skin), "{skin}");
        let cold = surface(5.0, 20.0, 0.98);
        assert!((4.6..4.8).contains(&cold), "{cold}");
        assert!(surface(-70.0, 100.0, 0.1).is_finite());
    }
}
