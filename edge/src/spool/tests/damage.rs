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
