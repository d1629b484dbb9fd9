use gatepost_model::{
    Happening, Wall,
    event::{Gap, GapCause, Heartbeat, Line, Passage},
    time::Clock,
    wire::{self, Sent},
};
use proptest::prelude::*;

use super::{fs::Fake, survey::survey, *};

const SMALL: SpoolRoom = SpoolRoom {
    max_bytes: 32 * 1024,
    segment_bytes: 4096,
};

fn log_id(n: u32) -> LogId {
    format!("log-{n}").parse().unwrap()
}

fn boot(n: u32) -> BootId {
    format!("boot-{n}").parse().unwrap()
}

fn open(fs: &Fake) -> (Spool<Fake>, Opened) {
    Spool::open(fs.clone(), SMALL, || log_id(1)).unwrap()
}

fn passage(mono: u64) -> Event {
    event(
        mono,
        Happening::Passage(Passage {
            lane: "people".parse().unwrap(),
            dir: gatepost_model::Direction::In,
            duration_ms: mono,
            disinfected: None,
            litres: None,
        }),
    )
}

fn heartbeat(from: u64, to: u64) -> Event {
    event(
        to,
        Happening::Heartbeat(Heartbeat {
            watched_from_mono_us: from,
            uptime_s: 0,
            clock: Clock::Unset,
            waiting: 0,
            disk_free: None,
            cpu_c: None,
            undervoltage: None,
            lost_edges: 0,
            certificate: None,
        }),
    )
}

fn event(mono_us: u64, happening: Happening) -> Event {
    Event {
        mono_us,
        at: None,
        test: false,
        happening,
    }
}

/// Four passages to one heartbeat, `n` in all, committed one by one.
fn fill(spool: &mut Spool<Fake>, n: u64) {
    for _ in 0..n {
        let mono = spool.next * 10;
        if mono.is_multiple_of(50) {
            spool.push(&boot(1), &heartbeat(mono - 50, mono));
        } else {
            spool.push(&boot(1), &passage(mono));
        }
        spool.commit(b"state").unwrap();
    }
}

/// Reads everything from a sequence on as batches, and reads these as the hub would: without holes,
/// each going on from the chain of the one before.
fn lines(spool: &mut Spool<Fake>, from: u64) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    let mut next = from;
    let mut chain = None;
    while let Some(chunk) = spool.read(next).unwrap() {
        assert_eq!(chunk.first, next);
        assert!(
            chain.is_none_or(|chain| chain == chunk.chain),
            "chain breaks at {next}"
        );
        let header = wire::Header {
            v: wire::VERSION,
            unit: "u".parse().unwrap(),
            log: spool.log().clone(),
            first: chunk.first,
            count: chunk.through - chunk.first + 1,
            chain: chunk.chain,
            boot: chunk.boot.clone(),
            anchor: None,
            bounds: None,
            sent: Sent {
                boot: chunk.boot.clone(),
                mono_us: 0,
                wall: None,
                clock: Clock::Unset,
            },
        };
        let payload = wire::encode(&header, chunk.lines.iter().map(Vec::as_slice));
        let batch = wire::decode(&header.unit, &payload).unwrap();
        assert_eq!(batch.lines.last().unwrap().chain, chunk.chain_after);
        found.extend(
            batch
                .lines
                .iter()
                .map(|line| (line.seq, line.bytes.to_vec())),
        );
        chain = Some(chunk.chain_after);
        next = chunk.through + 1;
    }
    assert_eq!(next, spool.last() + 1, "the reading stops early");
    found
}

fn gaps(lines: &[(u64, Vec<u8>)]) -> Vec<(u64, Gap)> {
    let read = |bytes: &[u8]| match Line::from_bytes(bytes) {
        Ok(Line::Gap(gap)) => Some(gap),
        _ => None,
    };
    lines
        .iter()
        .filter_map(|(seq, bytes)| Some((*seq, read(bytes)?)))
        .collect()
}

fn ack(spool: &mut Spool<Fake>, through: u64) -> Result<Acked, AckError> {
    let chain = spool
        .chain_at(through)
        .unwrap()
        .unwrap_or(Chain::from_bits(77));
    spool.ack(&ack_of(spool.log(), through, chain))
}

fn ack_of(log: &LogId, through: u64, chain: Chain) -> Ack {
    Ack {
        store: "store".to_owned(),
        log: log.clone(),
        through,
        chain,
        time: Wall::parse("2026-11-23T07:31:00Z").unwrap(),
    }
}

mod acks;
mod basic;
mod damage;
mod model;
mod room;
