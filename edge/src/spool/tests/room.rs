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
