//! Lines of a simulated chip of the kernel (gpio-sim), and a Pi's registers in a plain file.
//!
//! Real are the kernel's interrupts, time stamps, queues and debounce, and for the character device the
//! outputs too. When an output is let go of, gpio-sim gives it the level of its pull, as a pull resistor
//! does: what its holder set it to last is seen no more.
//!
//! A Pi is a chip with its name, a file in place of `/proc/cpuinfo`, and a plain file in place of
//! `/dev/gpiomem`. Edges come from the kernel, outputs are seen as what was last written to the registers
//! that set and clear, and the levels that the board reads are written into the file beside every move of
//! a wire. So pulls, and what a register does to a pin, are not tested.

use std::{
    env, fs,
    fs::{File, OpenOptions},
    os::unix::fs::FileExt,
    path::PathBuf,
};

use gatepost_edge::{
    clock::UnitClock,
    hal::{Board, cdev::CdevBoard},
    time::BoardTime,
};
use gatepost_model::BootId;

use crate::wires::{self, A, INPUTS, OUTPUTS, Wires};

/// How one board holds the lines of a chip.
pub(crate) trait Holder {
    const NAME: &str;
    const ONE_ORDER: bool;
    type Board: Board;
    fn at_rest() -> Self;
    fn open(&mut self, chip: &str) -> Self::Board;
    /// What a wire does besides what the kernel sees.
    fn set_level(&mut self, _line: u32, _high: bool) -> bool {
        false
    }
    /// An output's level.
    fn output(&mut self, line: u32, of_kernel: bool) -> bool;
}

/// The character device.
pub(crate) struct Cdev;

/// A chip's lines.
pub(crate) struct Lines<H> {
    dir: PathBuf,
    pulls: Vec<(u32, File)>,
    holder: H,
}

impl<H: Holder> Lines<H> {
    fn pull(&self, line: u32, high: bool) {
        let (_, pull) = self.pulls.iter().find(|(of, _)| *of == line).unwrap();
        let word = if high { "pull-up" } else { "pull-down" };
        pull.write_all_at(word.as_bytes(), 0).unwrap();
    }
}

impl<H: Holder> Wires for Lines<H> {
    const NAME: &str = H::NAME;
    const ONE_ORDER: bool = H::ONE_ORDER;
    const DEBOUNCES: bool = true;
    type Board = H::Board;

    fn at_rest() -> Self {
        let dir = env::var("GATEPOST_GPIO_SIM")
            .expect("GATEPOST_GPIO_SIM, a simulated chip's folder in sysfs");
        let dir = PathBuf::from(dir);
        let lines = INPUTS
            .map(|it| it.1)
            .into_iter()
            .chain(OUTPUTS.map(|it| it.1));
        let open = |line| {
            let path = dir.join(format!("sim_gpio{line}/pull"));
            (
                line,
                OpenOptions::new()
                    .write(true)
                    .open(&path)
                    .expect("a line's pull"),
            )
        };
        let pulls = lines.map(open).collect();
        let mut lines = Self {
            dir,
            pulls,
            holder: H::at_rest(),
        };
        for (name, _) in INPUTS {
            lines.set(name, name == A);
        }
        for (_, line, safe) in OUTPUTS {
            lines.pull(line, safe);
        }
        lines
    }

    fn open(&mut self) -> H::Board {
        let chip = self.dir.file_name().unwrap().to_str().unwrap();
        let board = self.holder.open(chip);
        // A bias is a pull to the simulated chip: what drives the wires drives them on.
        self.set(A, true);
        board
    }

    fn set(&mut self, input: &str, on: bool) {
        let (line, high) = (wires::line(input), on != wires::is_active_low(input));
        self.holder.set_level(line, high);
        self.pull(line, high);
    }

    fn flood(&mut self, input: &str, edges: u32) {
        for edge in 0..edges {
            self.set(input, edge % 2 == 0);
        }
    }

    fn slip(&mut self, input: &str, on: bool) -> bool {
        self.holder
            .set_level(wires::line(input), on != wires::is_active_low(input))
    }

    fn output(&mut self, output: usize) -> bool {
        let line = OUTPUTS[output].1;
        let value = self.dir.join(format!("sim_gpio{line}/value"));
        let of_kernel = fs::read_to_string(value).unwrap().trim() == "1";
        self.holder.output(line, of_kernel)
    }

    /// Nobody outside asks.
    fn heard(&mut self, _: &BootId, _: BoardTime) -> bool {
        true
    }
}

impl Holder for Cdev {
    const NAME: &str = "cdev";
    const ONE_ORDER: bool = true;
    type Board = CdevBoard;

    fn at_rest() -> Self {
        Self
    }

    fn open(&mut self, chip: &str) -> CdevBoard {
        let wiring = wires::config("kind = \"cdev\"", chip).wiring;
        CdevBoard::open(&wiring, UnitClock).unwrap()
    }

    fn output(&mut self, _: u32, of_kernel: bool) -> bool {
        of_kernel
    }
}

#[cfg(feature = "pi")]
pub(crate) use pi::Pi;

#[cfg(feature = "pi")]
mod pi {
    use std::{
        collections::BTreeMap,
        fs::{File, OpenOptions},
        os::unix::fs::FileExt,
    };

    use gatepost_edge::{clock::UnitClock, hal::pi::PiBoard};

    use super::Holder;
    use crate::wires;

    /// Registers for lines 0 to 31 in the memory of a BCM2835's pins (BCM2835 ARM Peripherals, 6.1).
    const SET: u64 = 0x1c;
    const CLEAR: u64 = 0x28;
    const LEVEL: u64 = 0x34;

    /// A Pi's registers.
    pub(crate) struct Pi {
        registers: File,
        levels: u32,
        /// What was last written for an output.
        outputs: BTreeMap<u32, bool>,
    }

    impl Pi {
        fn register(&self, at: u64) -> u32 {
            let mut word = [0; 4];
            self.registers.read_exact_at(&mut word, at).unwrap();
            u32::from_le_bytes(word)
        }

        fn write(&self, at: u64, word: u32) {
            self.registers
                .write_all_at(&word.to_le_bytes(), at)
                .unwrap();
        }

        /// What was written since the last look; a real register keeps nothing of it.
        fn take_written(&mut self) {
            for (at, high) in [(SET, true), (CLEAR, false)] {
                let word = self.register(at);
                self.write(at, 0);
                let lines = (0..32).filter(|line| word & 1 << line != 0);
                self.outputs.extend(lines.map(|line| (line, high)));
            }
        }
    }

    impl Holder for Pi {
        const NAME: &str = "pi";
        const ONE_ORDER: bool = false;
        type Board = PiBoard;

        fn at_rest() -> Self {
            let open = OpenOptions::new()
                .read(true)
                .write(true)
                .open("/dev/gpiomem");
            let pi = Self {
                registers: open.expect("a file in place of /dev/gpiomem"),
                levels: 0,
                outputs: BTreeMap::new(),
            };
            for register in [SET, CLEAR, LEVEL] {
                pi.write(register, 0);
            }
            pi
        }

        fn open(&mut self, _: &str) -> PiBoard {
            let wiring = wires::config("kind = \"pi\"", "gpiochip0").wiring;
            PiBoard::open(&wiring, UnitClock).unwrap()
        }

        fn set_level(&mut self, line: u32, high: bool) -> bool {
            let bit = 1 << line;
            self.levels = if high {
                self.levels | bit
            } else {
                self.levels & !bit
            };
            self.write(LEVEL, self.levels);
            true
        }

        fn output(&mut self, line: u32, _: bool) -> bool {
            self.take_written();
            self.outputs[&line]
        }
    }
}
