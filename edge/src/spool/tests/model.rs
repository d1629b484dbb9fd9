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
