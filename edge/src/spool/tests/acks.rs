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
