//! Moves simulated pins inside the virtual machine and prints what it truly did. No crate: compiled
//! alone by rustc.
//!
//! ```text
//! pins DIR passages A B IN OUT TURNS PAUSE_MS   people through the beams on lines A and B
//! pins DIR flood SECONDS RATE METER BEAM...     pulses on the meter and on one beam, RATE edges a second
//! pins DIR warm MAT N                           people with ordinary skin before the thermometer
//! pins DIR same MAT N                           people who all measure the same to the last digit
//! pins DIR lean LINE N                          people who break one beam and turn back
//! pins DIR react MAT LAMP A B N                 how long after a person steps away the lamp follows
//! pins DIR set LINE 0|1                         one level
//! ```
//! `DIR` is the simulated chip's folder in sysfs. Beams and buttons are wired active low: a line that
//! is pulled down is on.

use std::{
    env,
    fs::{self, File, OpenOptions},
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

/// One person through two beams, or into the first and back: 30 cm deep, 1.25 m/s, beams 15 cm apart. Nobody
/// turns round within half a second.
fn walk(first: &mut Pin, then: &mut Pin, turns: bool) {
    first.set(true);
    ms(120);
    then.set(true);
    if turns {
        ms(450);
        then.set(false);
        ms(120);
        first.set(false);
    } else {
        ms(120);
        first.set(false);
        ms(120);
        then.set(false);
    }
}

fn passages(dir: &str, args: &[String]) {
    let number = |place: usize| args[place].parse::<u64>().expect("a number");
    let (mut a, mut b) = (Pin::open(dir, &args[0]), Pin::open(dir, &args[1]));
    let pause = number(5);
    let walk = |first: &mut Pin, then: &mut Pin, turns: bool| {
        walk(first, then, turns);
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

/// Longer than a lane's filters look back.
const BETWEEN_BEAMS: Duration = Duration::from_millis(300);

fn flood(dir: &str, args: &[String]) {
    let seconds: u64 = args[0].parse().expect("seconds");
    let rate: u64 = args[1].parse().expect("rate");
    let mut pins: Vec<Pin> = args[2..].iter().map(|line| Pin::open(dir, line)).collect();
    let began = Instant::now();
    let mut written = 0;
    let mut last_beam = (0, began);
    while began.elapsed() < Duration::from_secs(seconds) {
        // In step with the clock: what a busy machine delayed is made up at once.
        let due = began.elapsed().as_micros() as u64 * rate / 1_000_000;
        while written < due {
            if let Some(pin) = pins.iter_mut().find(|pin| pin.on) {
                pin.set(false);
                written += 1;
                continue;
            }
            // Short pulses; the beams take turns, a second each. However long the machine holds a pulse
            // up, the other beam is broken only after a pause: nobody passes.
            let beams = pins.len() as u64 - 1;
            let mut place = 0;
            if beams > 0 && written / 2 % 2 == 1 {
                let beam = 1 + (due / rate % beams) as usize;
                if beam == last_beam.0 || last_beam.1.elapsed() > BETWEEN_BEAMS {
                    place = beam;
                }
            }
            pins[place].set(true);
            written += 1;
            if place > 0 {
                pins[place].set(false);
                written += 1;
                last_beam = (place, Instant::now());
            }
        }
        ms(2);
    }
    for pin in &mut pins {
        pin.set(false);
    }
    let edges: Vec<String> = pins.iter().map(|pin| pin.edges.to_string()).collect();
    println!("TRUTH edges={} seconds={:.1}", edges.join("+"), began.elapsed().as_secs_f64());
}

/// The word before the thermometer, of 0.02 K.
const OBJECT: &str = "/sys/module/thermometer/parameters/object";

/// A person of that temperature stands on the mat for a while; when he steps away again.
fn stand(mat: &mut Pin, celsius: f64) -> Instant {
    let word = ((celsius + 273.15) / 0.02).round() as u16;
    fs::write(OBJECT, word.to_string()).expect(OBJECT);
    mat.set(true);
    ms(350);
    let left = Instant::now();
    mat.set(false);
    left
}

/// No two people measure the same.
fn ordinary(person: u64) -> f64 {
    34.3 + 0.06 * (person * 5 % 11) as f64
}

fn warm(dir: &str, args: &[String]) {
    let mut mat = Pin::open(dir, &args[0]);
    for person in 0..args[1].parse().expect("a number") {
        stand(&mut mat, ordinary(person));
        ms(150);
    }
    println!("WARM {}", args[1]);
}

fn same(dir: &str, args: &[String]) {
    let mut mat = Pin::open(dir, &args[0]);
    for _ in 0..args[1].parse::<u64>().expect("a number") {
        stand(&mut mat, 34.5);
        ms(150);
    }
}

fn lean(dir: &str, args: &[String]) {
    let mut beam = Pin::open(dir, &args[0]);
    for _ in 0..args[1].parse::<u64>().expect("a number") {
        beam.set(true);
        ms(100);
        beam.set(false);
        ms(250);
    }
}

fn react(dir: &str, args: &[String]) {
    let [mat, lamp, a, b, times] = args else { panic!("MAT LAMP A B N") };
    let (mut mat, mut a, mut b) = (Pin::open(dir, mat), Pin::open(dir, a), Pin::open(dir, b));
    let lamp = format!("{dir}/sim_gpio{lamp}/value");
    let is_lit = || fs::read_to_string(&lamp).expect(&lamp).trim() == "1";
    let times: u64 = times.parse().expect("a number");
    let mut after: Vec<Duration> = Vec::new();
    for person in 0..times {
        for lights in [true, false] {
            let skin = ordinary(person) + if lights { 2.5 } else { 0.0 };
            let left = stand(&mut mat, skin);
            while is_lit() != lights {
                if left.elapsed() > Duration::from_secs(10) {
                    println!("BROKEN the lamp stays {} for {skin:.2} degC", if lights { "off" } else { "on" });
                    return;
                }
                sleep(Duration::from_micros(200));
            }
            after.push(left.elapsed());
            if lights {
                // He goes through: who comes next is somebody else.
                walk(&mut a, &mut b, false);
                ms(60);
            }
        }
    }
    after.sort();
    let at = |share: usize| after[(after.len() - 1) * share / 100].as_secs_f64() * 1e3;
    println!("TRUTH warm={times} n={} p50={:.1} p99={:.1} max={:.1}", after.len(), at(50), at(99), at(100));
}

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let (dir, job, rest) = (&args[0], args[1].as_str(), &args[2..]);
    match job {
        "passages" => passages(dir, rest),
        "flood" => flood(dir, rest),
        "warm" => warm(dir, rest),
        "same" => same(dir, rest),
        "lean" => lean(dir, rest),
        "react" => react(dir, rest),
        "set" => Pin::open(dir, &rest[0]).set(rest[1] == "1"),
        other => panic!("no job {other}"),
    }
}
