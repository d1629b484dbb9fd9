//! One I2C bus; on a unit by the kernel's character device.
//!
//! SMBus words with the packet error code; three tries a word. A device whose words fail is opened
//! anew before the next: on the Pi's controller that is what frees a transfer that went wrong in the
//! middle. What holds the lines down from outside cannot be freed from here.

use std::{collections::HashMap, io, path::PathBuf};

use i2cdev::{core::I2CDevice, linux::LinuxI2CDevice};

use super::{
    window::Sample,
    word::{AMBIENT, OBJECT, WordError, celsius, surface},
};

/// A single word goes wrong now and then: the Pi's controllers have a fault with clock stretching.
const TRIES: usize = 3;

/// Where words come from.
pub trait Words {
    /// Reads a register as an SMBus word whose packet error code fits.
    fn word(&mut self, address: u16, register: u8) -> io::Result<u16>;

    /// The device is to be opened anew before its next word.
    fn reopen(&mut self, address: u16);
}

/// A bus with thermometers.
#[derive(Debug)]
pub struct Bus<W>(pub W);

impl<W: Words> Bus<W> {
    /// Ambient first, then what the thermometer looks at.
    pub fn sample(&mut self, address: u16, emissivity: f64) -> Result<Sample, WordError> {
        let ambient_c = self.celsius(address, AMBIENT)?;
        let seen_c = self.celsius(address, OBJECT)?;
        Ok(Sample {
            object_c: surface(seen_c, ambient_c, emissivity),
            ambient_c,
        })
    }

    fn celsius(&mut self, address: u16, register: u8) -> Result<f64, WordError> {
        let mut tried = 1;
        loop {
            let read = self
                .0
                .word(address, register)
                .map_err(WordError::from)
                .and_then(celsius);
            match read {
                Err(_) if tried < TRIES => tried += 1,
                read => return read,
            }
            self.0.reopen(address);
        }
    }
}

/// The kernel's bus, with the devices on it that were looked at.
#[derive(Debug)]
pub struct KernelBus {
    path: PathBuf,
    open: HashMap<u16, LinuxI2CDevice>,
}

impl KernelBus {
    /// Nothing is opened before it is needed.
    pub fn new(number: u8) -> Self {
        Self {
            path: format!("/dev/i2c-{number}").into(),
            open: HashMap::new(),
        }
    }
}

impl Words for KernelBus {
    fn reopen(&mut self, address: u16) {
        self.open.remove(&address);
    }

    fn word(&mut self, address: u16, register: u8) -> io::Result<u16> {
        if !self.open.contains_key(&address) {
            let mut device = LinuxI2CDevice::new(&self.path, address)?;
            device.set_smbus_pec(true)?;
            self.open.insert(address, device);
        }
        let Some(device) = self.open.get_mut(&address) else {
            return Err(io::ErrorKind::NotFound.into());
        };
        Ok(device.smbus_read_word_data(register)?)
    }
}
