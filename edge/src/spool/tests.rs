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

mod basic {
    use super::*;

    #[test]
    fn what_was_committed_is_there_after_opening_again() {
        let fs = Fake::default();
        let (mut spool, opened) = open(&fs);
        assert_eq!((opened.state, opened.last_event), (Vec::new(), None));
        fill(&mut spool, 100);
        assert!(spool.segments.len() > 2);
        let before = lines(&mut spool, 1);
        ack(&mut spool, 40).unwrap();
        spool.push(&boot(2), &passage(5));
        spool.commit(b"later").unwrap();

        let (mut spool, opened) = open(&fs);
        assert_eq!(opened.state, b"later");
        assert_eq!(opened.last_event, Some((boot(2), 5)));
        assert_eq!(
            (spool.last(), spool.acked(), spool.waiting()),
            (101, 40, 61)
        );
        assert_eq!(lines(&mut spool, 1)[..100], before);
        assert_eq!(lines(&mut spool, 57)[..44], before[56..]);
    }

    #[test]
    fn only_what_is_on_disk_is_read() {
        let (mut spool, _) = open(&Fake::default());
        spool.push(&boot(1), &passage(1));
        assert_eq!(spool.read(1).unwrap(), None);
        spool.commit(b"").unwrap();
        assert_eq!(spool.read(1).unwrap().unwrap().through, 1);
        assert_eq!(spool.read(2).unwrap(), None);
    }

    #[test]
    fn a_chunk_ends_with_its_boot_and_with_the_batch() {
        let room = SpoolRoom::default();
        let (mut spool, _) = Spool::open(Fake::default(), room, || log_id(1)).unwrap();
        for n in 0..600 {
            spool.push(&boot(n / 550), &passage(u64::from(n)));
        }
        spool.commit(b"").unwrap();
        let ends: Vec<u64> = [1, 501, 551]
            .map(|from| spool.read(from).unwrap().unwrap().through)
            .to_vec();
        assert_eq!(ends, [500, 550, 600]);
    }

    #[test]
    fn a_line_that_could_never_be_sent_is_refused() {
        let (mut spool, _) = open(&Fake::default());
        let mut long = passage(1);
        long.happening = Happening::Boot(gatepost_model::event::Boot {
            version: "v".repeat(MAX_LINE_BYTES),
            config: String::new(),
            lanes: Vec::new(),
            sensors: Vec::new(),
            zones: Vec::new(),
            reason: String::new(),
        });
        assert_eq!(spool.push(&boot(1), &long), None);
        assert_eq!(spool.push(&boot(1), &passage(1)), Some(1));
    }
}

mod acks {
    use super::*;

    #[test]
    fn an_ack_counts_only_if_the_chain_agrees() {
        let fs = Fake::default();
        let (mut spool, _) = open(&fs);
        fill(&mut spool, 30);
        assert_eq!(ack(&mut spool, 20).unwrap(), Acked::Through(20));
        let wrong = ack_of(spool.log(), 25, Chain::from_bits(1));
        assert!(matches!(
            spool.ack(&wrong),
            Err(AckError::Fork { through: 25 })
        ));
        let beyond = ack_of(spool.log(), 31, Chain::from_bits(1));
        assert!(matches!(
            spool.ack(&beyond),
            Err(AckError::Fork { through: 31 })
        ));
        let other = ack_of(&log_id(9), 30, Chain::from_bits(1));
        assert!(matches!(spool.ack(&other), Err(AckError::OtherLog(_))));
        assert_eq!(spool.acked(), 20);
    }

    #[test]
    fn a_fork_puts_the_log_aside_and_begins_another() {
        let fs = Fake::default();
        let (mut spool, _) = open(&fs);
        fill(&mut spool, 30);
        spool.push(&boot(1), &passage(400));
        spool.begin_new_log(log_id(2)).unwrap();
        spool.commit(b"state").unwrap();
        assert_eq!(fs.aside(), ["log-1"]);
        assert_eq!(lines(&mut spool, 1).len(), 1);
        let (spool, opened) = open(&fs);
        assert_eq!((spool.log(), opened.state), (&log_id(2), b"state".to_vec()));
    }

    #[test]
    fn a_lower_ack_is_obeyed_and_what_is_gone_is_an_acked_gap() {
        let (mut spool, _) = open(&Fake::default());
        while spool.segments[0].first == 1 {
            fill(&mut spool, 10);
            let last = spool.last();
            ack(&mut spool, last).unwrap();
        }
        let oldest = spool.segments[0].first;
        let last = spool.last();
        let restored = ack_of(spool.log(), 3, Chain::from_bits(5));
        assert_eq!(spool.ack(&restored).unwrap(), Acked::Lowered(3));
        let chunk = spool.read(4).unwrap().unwrap();
        assert_eq!(chunk.chain, Chain::from_bits(5));
        let lines = lines(&mut spool, 4);
        let gaps = gaps(&lines);
        assert_eq!(gaps.len(), 1);
        assert_eq!(
            (gaps[0].1.n, gaps[0].1.cause),
            (oldest - 4, GapCause::Acked)
        );
        assert_eq!(lines.len() as u64, last - oldest + 2);
    }
}

mod room {
    use super::*;

    #[test]
    fn telemetry_goes_before_the_rest_and_the_loss_is_told() {
        let (mut spool, _) = open(&Fake::default());
        let mut only_telemetry_seen = false;
        while spool.last() < 2000 {
            fill(&mut spool, 10);
            let size: u64 = spool.segments.iter().map(|segment| segment.bytes).sum();
            assert!(size <= SMALL.max_bytes + SMALL.segment_bytes, "{size}");
            let all = gaps(&lines(&mut spool, 1));
            let telemetry = all.iter().filter(|(_, gap)| gap.class == Class::Telemetry);
            only_telemetry_seen |= telemetry.count() > 5 && all.len() > 5;
            if spool.last() < 200 {
                assert!(all.is_empty());
            }
        }
        assert!(only_telemetry_seen);
        let lines = lines(&mut spool, 1);
        let gaps = gaps(&lines);
        let lost: u64 = gaps.iter().map(|(_, gap)| gap.n).sum();
        assert_eq!(lost, spool.lost());
        assert_eq!(lost + (lines.len() - gaps.len()) as u64, 2000);
        let (first, gap) = &gaps[0];
        assert_eq!(
            (*first, gap.class, gap.cause),
            (1, Class::Record, GapCause::Shed)
        );
        assert_eq!(gap.watched, [(0, gap.n / 5 * 50)]);
        assert!(
            spool.segments[1].shed < recovery::Shed::All,
            "gaps are merged"
        );
    }

    use gatepost_model::event::Class;

    #[test]
    fn confirmed_segments_go_first_and_are_no_loss() {
        let (mut spool, _) = open(&Fake::default());
        for _ in 0..200 {
            fill(&mut spool, 10);
            let last = spool.last();
            ack(&mut spool, last - 5).unwrap();
        }
        assert_eq!(spool.lost(), 0);
        let acked = spool.acked();
        assert!(gaps(&lines(&mut spool, acked + 1)).is_empty());
    }

    #[test]
    fn a_merge_that_was_cut_short_is_cleaned_up() {
        let fs = Fake::default();
        let (mut spool, _) = open(&fs);
        fill(&mut spool, 100);
        let second = spool.segments[1].clone();
        let copy = fs.with_file(&second.name(), |bytes| bytes.clone()).unwrap();
        while spool.segments[1].first == second.first {
            fill(&mut spool, 10);
        }
        fs.replace(&second.name(), &copy).unwrap();
        let before = lines(&mut spool, 1);
        let (mut spool, _) = open(&fs);
        assert_eq!(lines(&mut spool, 1), before);
        assert!(fs.with_file(&second.name(), |_| ()).is_none());
    }

    #[test]
    fn a_full_disk_keeps_in_memory_then_counts_the_loss_and_recovers_by_itself() {
        let fs = Fake::default();
        let (mut spool, _) = open(&fs);
        fill(&mut spool, 10);
        fs.set_capacity(Some(0));
        spool.push(&boot(1), &passage(110));
        assert!(fs::is_full(&spool.commit(b"state").unwrap_err()));
        assert_eq!(spool.last(), 10);
        assert_eq!(spool.waiting(), 11);
        let mut n = 0;
        while spool.lost() < 20_000 {
            n += 1;
            spool.push(&boot(1), &passage(200 + n));
            if n % 1000 == 0 {
                spool.commit(b"state").unwrap_err();
                assert!(spool.pending_bytes <= MAX_PENDING + 200_000);
            }
        }
        fs.set_capacity(None);
        spool.push(&boot(1), &passage(300 + n));
        spool.commit(b"state").unwrap();
        assert_eq!(spool.last(), 12 + n);
        let told: u64 = gaps(&lines(&mut spool, 1))
            .iter()
            .map(|(_, gap)| gap.n)
            .sum();
        assert_eq!(told, spool.lost());
    }

    #[test]
    fn a_full_disk_gives_up_what_is_confirmed() {
        let fs = Fake::default();
        let (mut spool, _) = open(&fs);
        fill(&mut spool, 100);
        ack(&mut spool, 100).unwrap();
        let used: u64 = fs.list().unwrap().iter().map(|(_, bytes)| bytes).sum();
        fs.set_capacity(Some(used));
        fill(&mut spool, 40);
        assert_eq!((spool.last(), spool.lost()), (140, 0));
    }
}

mod damage {
    use super::*;

    fn damaged(at_segment: usize, change: impl FnOnce(&mut Vec<u8>)) -> (Fake, Spool<Fake>, u64) {
        let fs = Fake::default();
        let (mut spool, _) = open(&fs);
        fill(&mut spool, 150);
        let segment = &spool.segments[at_segment];
        let first = segment.first;
        fs.with_file(&segment.name(), change).unwrap();
        let (spool, _) = open(&fs);
        (fs, spool, first)
    }

    #[test]
    fn a_bad_record_in_an_older_segment_is_a_hole_up_to_the_next() {
        let (fs, mut spool, first) = damaged(1, |bytes| bytes[2000] ^= 1);
        let next = spool.segments[2].first;
        let gaps = gaps(&lines(&mut spool, 1));
        assert_eq!(gaps.len(), 1);
        assert!(gaps[0].0 > first);
        assert_eq!(
            (gaps[0].0 + gaps[0].1.n, gaps[0].1.cause),
            (next, GapCause::Shed)
        );
        let survey = survey(&fs).unwrap();
        assert!(!survey.is_sound());
        assert!(
            survey.damage[0].contains("no sound record at byte"),
            "{:?}",
            survey.damage
        );
    }

    #[test]
    fn a_segment_without_a_header_is_a_hole() {
        let (_, mut spool, first) = damaged(1, |bytes| bytes[20] ^= 1);
        let gaps = gaps(&lines(&mut spool, 1));
        assert_eq!((gaps.len(), gaps[0].0), (1, first));
    }

    #[test]
    fn a_log_without_an_end_is_put_aside() {
        let fs = Fake::default();
        let (mut spool, _) = open(&fs);
        fill(&mut spool, 50);
        let last = spool.segments.last().unwrap().name();
        fs.with_file(&last, |bytes| bytes[5] ^= 1).unwrap();
        let (spool, opened) = Spool::open(fs.clone(), SMALL, || log_id(2)).unwrap();
        assert!(opened.damaged);
        assert_eq!((spool.log(), spool.last()), (&log_id(2), 0));
        assert_eq!(fs.aside(), ["damaged"]);
    }

    #[test]
    fn a_sound_log_is_sound() {
        let fs = Fake::default();
        let (mut spool, _) = open(&fs);
        fill(&mut spool, 150);
        let survey = survey(&fs).unwrap();
        assert!(survey.is_sound(), "{survey:?}");
        assert_eq!((survey.first, survey.last, survey.events), (1, 150, 150));
        assert_eq!(survey.chain, spool.durable_chain);
    }

    proptest! {
        #[test]
        fn hostile_files_never_panic_and_reading_ends(
            bits in proptest::collection::vec((0usize..6, any::<prop::sample::Index>(), any::<u8>()), 1..12),
            cut in proptest::option::of((0usize..6, any::<prop::sample::Index>())),
        ) {
            let fs = Fake::default();
            let (mut spool, _) = open(&fs);
            fill(&mut spool, 120);
            let names: Vec<String> = spool.segments.iter().map(Segment::name).collect();
            for (segment, at, byte) in bits {
                fs.with_file(&names[segment % names.len()], |bytes| {
                    if !bytes.is_empty() {
                        let at = at.index(bytes.len());
                        bytes[at] = byte;
                    }
                });
            }
            if let Some((segment, at)) = cut {
                fs.with_file(&names[segment % names.len()], |bytes| bytes.truncate(at.index(bytes.len() + 1)));
            }
            let _ = survey(&fs);
            let (mut spool, _) = Spool::open(fs, SMALL, || log_id(3)).unwrap();
            if spool.segments.first().is_some_and(|oldest| oldest.first == 1) {
                lines(&mut spool, 1);
            }
            fill(&mut spool, 200);
        }
    }
}

/// A plain list of lines beside the spool; the power is cut at random.
mod model {
    use super::*;

    #[derive(Debug, Clone)]
    enum Op {
        Push(u8),
        Commit,
        Ack(u8),
        Reboot,
        Crash { lives: u64, seed: u64 },
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            8 => (1u8..40).prop_map(Op::Push),
            6 => Just(Op::Commit),
            2 => any::<u8>().prop_map(Op::Ack),
            1 => Just(Op::Reboot),
            2 => (0u64..6, any::<u64>()).prop_map(|(lives, seed)| Op::Crash { lives, seed }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn nothing_committed_is_ever_lost(ops in proptest::collection::vec(op(), 1..60)) {
            let fs = Fake::default();
            // Room for everything: what is missing is lost, not shed.
            let room = SpoolRoom { max_bytes: 1 << 30, ..SMALL };
            let open = || Spool::open(fs.clone(), room, || log_id(1));
            let (mut spool, _) = open().unwrap();
            let mut pushed: Vec<Vec<u8>> = Vec::new();
            let mut committed = 0;
            let (mut mono, mut boots, mut state) = (0, 1, 0u64);
            for op in ops {
                match op {
                    Op::Push(n) => for _ in 0..n {
                        mono += 1;
                        let event = passage(mono);
                        pushed.push(event.to_line().into_bytes());
                        spool.push(&boot(boots), &event);
                    },
                    Op::Commit => {
                        state += 1;
                        spool.commit(&state.to_le_bytes()).unwrap();
                        committed = pushed.len();
                    }
                    Op::Ack(share) => {
                        let through = spool.last() * u64::from(share) / 255;
                        if through >= spool.acked() {
                            ack(&mut spool, through).unwrap();
                        }
                    }
                    Op::Reboot => {
                        boots += 1;
                        mono = 0;
                    }
                    Op::Crash { lives, seed } => {
                        fs.set_lives(Some(lives));
                        state += 1;
                        if spool.commit(&state.to_le_bytes()).is_ok() {
                            committed = pushed.len();
                        }
                        drop(spool);
                        fs.crash(seed);
                        let opened;
                        (spool, opened) = open().unwrap();
                        let survived = usize::try_from(spool.last()).unwrap();
                        prop_assert!(survived >= committed && survived <= pushed.len());
                        pushed.truncate(survived);
                        committed = survived;
                        if !opened.state.is_empty() {
                            let found = u64::from_le_bytes(opened.state.try_into().unwrap());
                            prop_assert!(found == state || found == state - 1);
                            state = found;
                        }
                        prop_assert!(spool.acked() <= spool.last());
                    }
                }
            }
            spool.commit(b"12345678").unwrap();
            let found: Vec<Vec<u8>> = lines(&mut spool, 1).into_iter().map(|(_, line)| line).collect();
            prop_assert_eq!(found, pushed);
        }
    }
}
