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
