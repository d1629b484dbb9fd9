//! The lines that a simulated board reads.

use std::io::Write;

use chrono::{DateTime, SecondsFormat};
use gatepost_model::{BootId, Micros};

use crate::world::day::{Signal, WallUs};

/// Writing into memory does not fail.
macro_rules! put {
    ($out:expr, $($text:tt)*) => {
        let _ = writeln!($out, $($text)*);
    };
}

pub(super) fn boot(out: &mut Vec<u8>, mono: Micros, boot: &BootId) {
    put!(out, r#"{{"mono_us":{mono},"boot":"{boot}"}}"#);
}

pub(super) fn clock(out: &mut Vec<u8>, mono: Micros, at: WallUs) {
    let wall = DateTime::from_timestamp_micros(at).unwrap_or_default();
    let wall = wall.to_rfc3339_opts(SecondsFormat::Micros, true);
    put!(
        out,
        r#"{{"mono_us":{mono},"clock":"{wall}","synced":true}}"#
    );
}

pub(super) fn link(out: &mut Vec<u8>, mono: Micros, up: bool) {
    let link = if up { "up" } else { "down" };
    put!(out, r#"{{"mono_us":{mono},"link":"{link}"}}"#);
}

pub(super) fn tick(out: &mut Vec<u8>, mono: Micros) {
    put!(out, r#"{{"mono_us":{mono},"tick":true}}"#);
}

pub(super) fn signal(out: &mut Vec<u8>, mono: Micros, signal: Signal) {
    match signal {
        Signal::Level(pin, level) => {
            let level = u8::from(level);
            put!(
                out,
                r#"{{"mono_us":{mono},"input":"{pin}","level":{level}}}"#
            );
        }
        Signal::Skin(name, skin, ambient) => {
            put!(
                out,
                r#"{{"mono_us":{mono},"input":"{name}","skin_c":{skin},"ambient_c":{ambient}}}"#
            );
        }
        Signal::Failed(name) => {
            put!(
                out,
                r#"{{"mono_us":{mono},"input":"{name}","error":"pec"}}"#
            );
        }
        Signal::Ambient(name, celsius) => {
            put!(
                out,
                r#"{{"mono_us":{mono},"input":"{name}","ambient_c":{celsius}}}"#
            );
        }
    }
}
