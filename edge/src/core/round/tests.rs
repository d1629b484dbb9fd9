use super::*;
use crate::{core::out::Said, input::InputIx};

const S: u64 = 1_000_000;

fn button(input: usize, name: &str) -> config::Button {
    config::Button {
        input: InputIx(input),
        sensor: name.parse().unwrap(),
    }
}

fn station(running: Option<Running>) -> Station {
    let config = config::Station {
        zone: Zone::Living,
        start: button(0, "start"),
        stop: button(1, "stop"),
        flow: Some(config::Flow {
            input: InputIx(2),
            sensor: "flow".parse().unwrap(),
            pulses_per_litre: 10.0,
            min_litres: 0.5,
        }),
        points: vec![button(3, "stairs")],
        timeout: Duration::from_secs(3600),
    };
    Station::new(config, running, None)
}

fn boot() -> BootId {
    "6f1c0000-1111".parse().unwrap()
}

fn run_to(station: &mut Station, now: u64, out: &mut Out) {
    while let Some(due) = station.deadline().filter(|due| due.0 <= now) {
        station.handle_deadline(due, &boot(), out);
    }
}

fn press(station: &mut Station, pin: Pin, at: u64, out: &mut Out) {
    run_to(station, at, out);
    station.handle_level(pin, BoardTime(at), true, false, out);
    run_to(station, at + S / 10, out);
    station.handle_level(pin, BoardTime(at + S / 10), false, false, out);
    run_to(station, at + S / 5, out);
}

fn pulses(station: &mut Station, from: u64, n: u64, out: &mut Out) {
    for pulse in 0..n {
        let at = from + pulse * S / 10;
        run_to(station, at, out);
        handle_flow(vec![&mut *station], BoardTime(at), true, false, out);
        handle_flow(
            vec![&mut *station],
            BoardTime(at + S / 20),
            false,
            false,
            out,
        );
    }
}

fn told(out: Out) -> Vec<String> {
    // That a meter is not stuck is news only if it was.
    let news = |said: &Said| !matches!(said, Said::Fault { raised: false, .. });
    out.said
        .into_iter()
        .filter(news)
        .map(|said| match said {
            Said::Happened {
                at,
                happening: Happening::Round(round),
            } => format!(
                "{} {:?} {} l {} s {:?} {}",
                at.0 / S,
                round.phase,
                round.litres,
                round.pump_s,
                round.evidence,
                round.round
            ),
            Said::Happened {
                happening: Happening::Reading(reading),
                ..
            } => format!("{} {}", reading.quantity, reading.value),
            other => format!("{other:?}"),
        })
        .collect()
}

#[test]
fn a_round_has_a_start_litres_and_an_end() {
    let (mut station, mut out) = (station(None), Out::default());
    press(&mut station, Pin::Start, 10 * S, &mut out);
    pulses(&mut station, 20 * S, 31, &mut out);
    press(&mut station, Pin::Start, 40 * S, &mut out);
    press(&mut station, Pin::Point(0), 45 * S, &mut out);
    pulses(&mut station, 50 * S, 11, &mut out);
    press(&mut station, Pin::Stop, 90 * S, &mut out);
    press(&mut station, Pin::Stop, 95 * S, &mut out);
    assert_eq!(
        told(out),
        [
            "10 Started 0 l 0 s Button 6f1c0000-living-10000000",
            "90 Ended 4.2 l 4 s ButtonFlow 6f1c0000-living-10000000",
        ]
    );
}

#[test]
fn a_press_without_flow_or_with_a_drip_rests_on_the_button() {
    for drip in [0, 4] {
        let (mut station, mut out) = (station(None), Out::default());
        press(&mut station, Pin::Start, 10 * S, &mut out);
        pulses(&mut station, 20 * S, drip, &mut out);
        press(&mut station, Pin::Stop, 90 * S, &mut out);
        assert!(told(out)[1].contains("s Button 6f"), "{drip}");
    }
}

#[test]
fn a_forgotten_round_is_abandoned_and_stray_flow_is_told() {
    let (mut station, mut out) = (station(None), Out::default());
    press(&mut station, Pin::Start, 10 * S, &mut out);
    run_to(&mut station, 5000 * S, &mut out);
    pulses(&mut station, 5000 * S, 20, &mut out);
    assert_eq!(station.open_since(), Some(BoardTime(5000 * S)));
    run_to(&mut station, 6000 * S, &mut out);
    assert_eq!(station.open_since(), None);
    assert_eq!(
        told(out)[1..],
        [
            "3610 Abandoned 0 l 0 s Button 6f1c0000-living-10000000",
            "stray_litres 2",
        ]
    );
}

#[test]
fn a_round_survives_a_restart_but_not_a_power_cut() {
    let (mut first, mut out) = (station(None), Out::default());
    press(&mut first, Pin::Start, 10 * S, &mut out);
    pulses(&mut first, 20 * S, 10, &mut out);
    let kept = first.running().cloned();

    let (mut restarted, mut out) = (station(kept.clone()), Out::default());
    restarted.begin(BoardTime(60 * S), &boot(), |_, _| false, &mut out);
    press(&mut restarted, Pin::Stop, 90 * S, &mut out);
    assert_eq!(
        told(out),
        ["90 Ended 1 l 0.9 s ButtonFlow 6f1c0000-living-10000000"]
    );

    let (mut rebooted, mut out) = (station(kept), Out::default());
    rebooted.begin(
        BoardTime(5 * S),
        &"other".parse().unwrap(),
        |_, _| false,
        &mut out,
    );
    assert_eq!(rebooted.running(), None);
    assert_eq!(
        told(out),
        ["5 Abandoned 1 l 0.9 s ButtonFlow 6f1c0000-living-10000000"]
    );
}

/// What the last round that ended rests on, and the check points that it names.
fn proof(out: &Out) -> Option<(Evidence, Vec<String>)> {
    out.said.iter().rev().find_map(|said| match said {
        Said::Happened {
            happening: Happening::Round(round),
            ..
        } if round.phase == RoundPhase::Ended => Some((round.evidence, round.points.clone())),
        _ => None,
    })
}

#[test]
fn check_points_are_named_once_in_the_order_of_the_walk() {
    let knapsack = || {
        let mut config = station(None).config;
        config.flow = None;
        config.points = vec![button(3, "stairs"), button(4, "roof"), button(5, "yard")];
        Station::new(config, None, None)
    };
    let (mut walked, mut out) = (knapsack(), Out::default());
    // Before the start nobody is on a round.
    press(&mut walked, Pin::Point(2), 5 * S, &mut out);
    press(&mut walked, Pin::Start, 10 * S, &mut out);
    for (second, point) in [(20, 1), (30, 0), (40, 1)] {
        press(&mut walked, Pin::Point(point), second * S, &mut out);
    }
    press(&mut walked, Pin::Stop, 90 * S, &mut out);
    let points = vec!["roof".to_owned(), "stairs".to_owned()];
    assert_eq!(proof(&out), Some((Evidence::ButtonPoints, points)));
    // The next round begins with none.
    press(&mut walked, Pin::Start, 100 * S, &mut out);
    press(&mut walked, Pin::Stop, 190 * S, &mut out);
    assert_eq!(proof(&out), Some((Evidence::Button, Vec::new())));
}

#[test]
fn check_points_survive_a_restart_and_stand_beside_litres() {
    let (mut first, mut out) = (station(None), Out::default());
    press(&mut first, Pin::Start, 10 * S, &mut out);
    press(&mut first, Pin::Point(0), 15 * S, &mut out);
    let mut restarted = station(first.running().cloned());
    restarted.begin(BoardTime(60 * S), &boot(), |_, _| false, &mut out);
    pulses(&mut restarted, 70 * S, 20, &mut out);
    press(&mut restarted, Pin::Stop, 90 * S, &mut out);
    let points = vec!["stairs".to_owned()];
    assert_eq!(proof(&out), Some((Evidence::ButtonFlow, points)));
}
