use super::*;
use crate::world::{
    day::{MINUTE, Span},
    sites::{PLANS, Post},
};

fn life(seed: u64) -> (Life, WallUs) {
    let plan = PLANS[0];
    let start = Span::of(plan.zone, "2026-11-23".parse().unwrap()).from;
    let source = Source::Life {
        plan,
        post: Post::Gate,
        seed,
        faces: None,
    };
    (Life::begin(who(seed), source, start), start)
}

/// What happens in the yard of seed 4, where rounds are done, and when it begins.
fn yard() -> (Source, WallUs) {
    let plan = PLANS[0];
    let source = Source::Life {
        plan,
        post: Post::Yard,
        seed: 4,
        faces: None,
    };
    let start = Span::of(plan.zone, "2026-11-23".parse().unwrap()).from;
    (source, start)
}

fn who(seed: u64) -> Who {
    Who {
        site: "binjiang".parse().unwrap(),
        unit: "gate-1".parse().unwrap(),
        pins: PLANS[0].pins(Post::Gate),
        synced: true,
        seed,
    }
}

fn lines(out: &[u8]) -> Vec<&str> {
    std::str::from_utf8(out).unwrap().lines().collect()
}

#[test]
fn what_is_not_confirmed_when_the_agent_dies_is_not_durable() {
    let (mut life, start) = life(1);
    let (mut out, mut truths) = (Vec::new(), Vec::new());
    life.attach(start, &mut out, &mut truths);
    life.play(start + 8 * HOUR, usize::MAX, None, &mut out, &mut truths);
    assert!(truths.is_empty(), "nothing is confirmed yet");
    let half = life.mono(start + 7 * HOUR);
    life.confirmed(half, &mut truths);
    let confirmed = truths.len();
    assert!(
        confirmed > 50
            && truths
                .iter()
                .all(|truth| truth.durable && truth.mono_us <= half)
    );
    life.lose(&mut truths);
    assert!(truths.len() > confirmed);
    assert!(truths[confirmed..].iter().all(|truth| !truth.durable));

    // Nobody is there: the world goes on all the same.
    let before = truths.len();
    out.clear();
    life.play(start + 9 * HOUR, usize::MAX, None, &mut out, &mut truths);
    assert!(out.is_empty());
    assert!(truths.len() > before && truths[before..].iter().all(|truth| !truth.durable));

    life.attach(start + 9 * HOUR, &mut out, &mut truths);
    let told = lines(&out);
    let mono = 9 * HOUR;
    assert_eq!(
        told[0],
        format!(r#"{{"mono_us":{mono},"boot":"{}"}}"#, life.boot)
    );
    assert_eq!(
        told.len(),
        2 + PLANS[0].pins(Post::Gate).len(),
        "every pin and the clock: {told:?}"
    );
}

#[test]
fn a_life_goes_on_where_it_was_and_tells_every_truth_once() {
    for (cut, crashed) in [
        (7 * HOUR + 3 * MINUTE, false),
        (7 * HOUR + 20 * MINUTE + 7, true),
    ] {
        let (mut life, start) = life(2);
        let (mut out, mut first, mut second) = (Vec::new(), Vec::new(), Vec::new());
        life.attach(start, &mut out, &mut first);
        life.play(start + cut, usize::MAX, None, &mut out, &mut first);
        life.confirmed(life.mono(start + cut - MINUTE), &mut first);
        let kept = life.kept(if crashed {
            start + cut + MINUTE
        } else {
            start + cut
        });
        if !crashed {
            life.lose(&mut first);
        }
        let source = Source::Life {
            plan: PLANS[0],
            post: Post::Gate,
            seed: 2,
            faces: None,
        };
        let mut again = Life::resume(who(2), source, &kept);
        assert_eq!(again.boot, life.boot);
        out.clear();
        again.attach(kept.reserved, &mut out, &mut second);
        again.play(start + 10 * HOUR, usize::MAX, None, &mut out, &mut second);
        again.confirmed(u64::MAX, &mut second);
        let key = |truth: &Truth| (truth.mono_us, truth.what, truth.person.clone());
        let known: BTreeSet<_> = first.iter().map(key).collect();
        second.retain(|truth| !known.contains(&key(truth)));

        let (mut whole, mut expected) = (self::life(2).0, Vec::new());
        whole.attach(start, &mut out, &mut Vec::new());
        whole.play(start + 10 * HOUR, usize::MAX, None, &mut out, &mut expected);
        whole.confirmed(u64::MAX, &mut expected);
        let mut got: Vec<_> = first.iter().chain(&second).map(key).collect();
        let mut expected: Vec<_> = expected.iter().map(key).collect();
        got.sort();
        expected.sort();
        assert_eq!(got, expected);
    }
}

#[test]
fn power_that_comes_back_begins_a_boot() {
    let (mut life, start) = life(3);
    let (mut out, mut truths) = (Vec::new(), Vec::new());
    life.attach(start, &mut out, &mut truths);
    life.play(start + HOUR, usize::MAX, None, &mut out, &mut truths);
    let before = life.boot.clone();
    life.cut_power(&mut truths);
    life.restore_power(start + 2 * HOUR, &mut truths);
    out.clear();
    life.attach(start + 2 * HOUR, &mut out, &mut truths);
    assert_ne!(life.boot, before);
    assert_eq!(
        lines(&out)[0],
        format!(r#"{{"mono_us":0,"boot":"{}"}}"#, life.boot)
    );
}

#[test]
fn a_skipped_round_does_not_happen() {
    let (source, start) = yard();
    let begin = || Life::begin(who(4), source.clone(), start);
    let rounds = |mut life: Life| {
        let (mut out, mut truths) = (Vec::new(), Vec::new());
        life.attach(start, &mut out, &mut truths);
        life.play(start + 24 * HOUR, usize::MAX, None, &mut out, &mut truths);
        life.confirmed(u64::MAX, &mut truths);
        truths
            .iter()
            .filter(|truth| truth.what == What::Round)
            .map(|truth| truth.mono_us)
            .collect::<Vec<_>>()
    };
    let all = rounds(begin());
    let mut skipping = begin();
    let at = skipping.skip_round().unwrap();
    let mono = skipping.mono(at);
    let left = rounds(skipping);
    assert_eq!(left.len() + 1, all.len());
    assert!(all.contains(&mono) && !left.contains(&mono));
}

#[test]
fn a_round_is_kept_as_under_way_with_the_boot_and_the_moment_that_will_be_told() {
    let (source, start) = yard();
    // Whether the power is cut in the middle of the round.
    for unplugged in [false, true] {
        let mut life = Life::begin(who(4), source.clone(), start);
        let (mut out, mut truths) = (Vec::new(), Vec::new());
        life.attach(start, &mut out, &mut truths);
        let mut at = start;
        while life.kept(at).under_way.is_empty() {
            at += MINUTE;
            life.play(at, usize::MAX, None, &mut out, &mut truths);
            life.confirmed(u64::MAX, &mut truths);
        }
        let began = life.kept(at).under_way.remove(0);
        assert_eq!(&began.boot, life.boot());
        assert!(began.mono_us > life.mono(at - MINUTE) && began.mono_us <= life.mono(at));
        if unplugged {
            life.cut_power(&mut truths);
            life.restore_power(at + 10, &mut truths);
            life.attach(at + 10, &mut out, &mut truths);
            assert_ne!(&began.boot, life.boot());
            assert_eq!(life.kept(at).under_way[0], began);
        }
        life.play(at + 2 * HOUR, usize::MAX, None, &mut out, &mut truths);
        life.confirmed(u64::MAX, &mut truths);
        let told = truths
            .iter()
            .find(|truth| truth.what == What::Round && truth.mono_us == began.mono_us);
        let told = told.expect("it is told when it is over");
        assert_eq!((&told.boot, told.durable), (&began.boot, !unplugged));
        let over = life.kept(life.position()).under_way;
        assert!(!over.contains(&began), "{over:?}");
    }
}
