//! Moves simulated pins inside the virtual machine and prints what it truly did. No crate: compiled
//! alone by rustc.
//!
//! ```text
//! pins DIR passages A B IN OUT TURNS PAUSE_MS   people through the beams on lines A and B
//! pins DIR flood SECONDS RATE LINE...           edges on the lines in turn, RATE a second in all
//! pins DIR react BUTTON LAMP N                  how long after a press the output follows
//! pins DIR set LINE 0|1                         one level
//! ```
//! `DIR` is the simulated chip's folder in sysfs. Beams and buttons are wired active low: a line that
//! is pulled down is on.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    thread::sleep,
    time::{Duration, Instant},
};

struct Pin {
    pull: File,
    on: bool,
    edges: u64,
}

impl Pin {
    fn open(dir: &str, line: &str) -> Self {
        let path = format!("{dir}/sim_gpio{line}/pull");
        let pull = OpenOptions::new().write(true).open(&path).expect(&path);
        Self { pull, on: false, edges: 0 }
    }

    fn set(&mut self, on: bool) {
        self.pull.seek(SeekFrom::Start(0)).expect("seek");
        let word: &[u8] = if on { b"pull-down" } else { b"pull-up" };
        self.pull.write_all(word).expect("pull");
        self.edges += u64::from(on != self.on);
        self.on = on;
    }
}

fn ms(millis: u64) {
    sleep(Duration::from_millis(millis));
}

fn passages(dir: &str, args: &[String]) {
    let number = |place: usize| args[place].parse::<u64>().expect("a number");
    let (mut a, mut b) = (Pin::open(dir, &args[0]), Pin::open(dir, &args[1]));
    let pause = number(5);
    let walk = |first: &mut Pin, then: &mut Pin, turns: bool| {
        first.set(true);
        ms(40);
        then.set(true);
        ms(60);
        if turns {
            then.set(false);
            ms(60);
            first.set(false);
        } else {
            first.set(false);
            ms(50);
            then.set(false);
        }
        ms(pause);
    };
    for done in 1..=number(2) {
        walk(&mut a, &mut b, false);
        println!("PASSED in {done}");
    }
    for done in 1..=number(3) {
        walk(&mut b, &mut a, false);
        println!("PASSED out {done}");
    }
    for _ in 0..number(4) {
        walk(&mut a, &mut b, true);
    }
    println!("TRUTH in={} out={} turns={}", args[2], args[3], args[4]);
}

fn flood(dir: &str, args: &[String]) {
    let seconds: u64 = args[0].parse().expect("seconds");
    let rate: u64 = args[1].parse().expect("rate");
    let mut pins: Vec<Pin> = args[2..].iter().map(|line| Pin::open(dir, line)).collect();
    let began = Instant::now();
    let mut written = 0;
    while began.elapsed() < Duration::from_secs(seconds) {
        // In step with the clock: what a busy machine delayed is made up at once.
        let due = began.elapsed().as_micros() as u64 * rate / 1_000_000;
        while written < due {
            let count = pins.len() as u64;
            let pin = &mut pins[(written % count) as usize];
            pin.set(!pin.on);
            written += 1;
        }
        ms(2);
    }
    for pin in &mut pins {
        pin.set(false);
    }
    let edges: Vec<String> = pins.iter().map(|pin| pin.edges.to_string()).collect();
    println!("TRUTH edges={} seconds={:.1}", edges.join("+"), began.elapsed().as_secs_f64());
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let (dir, job, rest) = (&args[0], args[1].as_str(), &args[2..]);
    match job {
        "passages" => passages(dir, rest),
        "flood" => flood(dir, rest),
        "set" => Pin::open(dir, &rest[0]).set(rest[1] == "1"),
        other => panic!("no job {other}"),
    }
}
