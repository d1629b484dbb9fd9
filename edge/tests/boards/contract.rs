//! What every board keeps to.

use std::{pin::Pin, time::Duration};

use gatepost_edge::{
    core::out::OutputChange,
    hal::Board,
    input::{Input, InputIx, InputNames, What},
    time::BoardTime,
};
use gatepost_model::BootId;

use crate::wires::{self, A, B, BUTTON, INPUTS, OUTPUTS, Wires};

/// Longer than anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// More than all queues between the kernel and the board hold.
const FLOOD: u32 = 20_000;
/// How long an edge may be on its way into the kernel's own time.
const UNDER_WAY: Duration = Duration::from_millis(5);

/// One thing that is expected, of a board whose wires are at rest.
pub(crate) type Expectation<W> = fn(W) -> Pin<Box<dyn Future<Output = ()>>>;

/// All that is expected.
pub(crate) fn expectations<W: Wires + 'static>() -> Vec<(&'static str, Expectation<W>)> {
    vec![
        (
            "first the boot, then how every pin stands, at one time",
            |w| Box::pin(begins(w)),
        ),
        (
            "edges come in order, all of them, with the time at which they were",
            |w| Box::pin(edges(w)),
        ),
        ("nothing comes with a time that has passed", |w| {
            Box::pin(time(w))
        }),
        ("what is lost is told before the next level", |w| {
            Box::pin(loss(w))
        }),
        ("a level that nobody told is told as lost", |w| {
            Box::pin(slips(w))
        }),
        ("contacts bounce at buttons only", |w| Box::pin(bounces(w))),
        (
            "outputs are safe at start and at the end, and follow between",
            |w| Box::pin(outputs(w)),
        ),
        ("what is durable is said", |w| Box::pin(confirms(w))),
    ]
}

/// An open board with what it has said.
struct Seen<W: Wires> {
    wires: W,
    board: W::Board,
    names: InputNames,
    inputs: Vec<Input>,
}

impl<W: Wires> Seen<W> {
    /// Opens the board and waits until it has said how everything stands.
    async fn begun(mut wires: W) -> (Self, Vec<Input>) {
        let board = wires.open();
        let names = wires::config("kind = \"cdev\"", "gpiochip0").gate.inputs;
        let mut seen = Self {
            wires,
            board,
            names,
            inputs: Vec::new(),
        };
        let told = |seen: &Self| seen.levels().len() >= INPUTS.len();
        seen.wait("how the pins stand", told).await;
        let first = std::mem::take(&mut seen.inputs);
        (seen, first)
    }

    async fn wait(&mut self, what: &str, is_there: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(PATIENCE, async {
            while !is_there(self) {
                self.board.inputs(None, &mut self.inputs).await.unwrap();
            }
        });
        let last: Vec<_> = match waited.await {
            Ok(()) => return,
            Err(_) => self.inputs.iter().rev().take(20).collect(),
        };
        panic!("{}: {what}: not in {PATIENCE:?}; last: {last:?}", W::NAME);
    }

    /// What comes at once; what is not there yet is not waited for, and the wait is given up.
    async fn peep(&mut self) {
        tokio::task::yield_now().await;
        let look = self.board.inputs(None, &mut self.inputs);
        if let Ok(looked) = tokio::time::timeout(Duration::ZERO, look).await {
            looked.unwrap();
        }
    }

    /// Levels so far: which input, when, and which.
    fn levels(&self) -> Vec<(InputIx, BoardTime, bool)> {
        let level = |it: &Input| match it.what {
            What::Level { input, level } => Some((input, it.mono, level)),
            _ => None,
        };
        self.inputs.iter().filter_map(level).collect()
    }

    fn levels_of(&self, input: &str) -> Vec<bool> {
        let input = wires::ix(&self.names, input);
        let of = |(of, _, level)| (of == input).then_some(level);
        self.levels().into_iter().filter_map(of).collect()
    }

    /// Edges of an input that were told as lost.
    fn lost(&self, input: &str) -> u32 {
        let of = wires::ix(&self.names, input);
        let lost = |it: &Input| match it.what {
            What::Lost { input, edges } if input == of => edges,
            _ => 0,
        };
        self.inputs.iter().map(lost).sum()
    }
}

async fn begins<W: Wires>(wires: W) {
    let (seen, first) = Seen::begun(wires).await;
    assert!(matches!(first[0].what, What::Boot(_)), "{first:?}");
    let mut off: Vec<InputIx> = INPUTS
        .iter()
        .map(|(name, _)| wires::ix(&seen.names, name))
        .collect();
    for input in &first[1..=INPUTS.len()] {
        assert_eq!(input.mono, first[0].mono);
        let What::Level { input, level } = input.what else {
            panic!("a level, not {input:?}");
        };
        assert_eq!(level, input == wires::ix(&seen.names, A), "{first:?}");
        off.retain(|it| *it != input);
    }
    assert!(off.is_empty(), "nothing is said of {off:?}");
}

/// Two beams, to and fro; between two edges the wait for inputs is begun and given up.
async fn edges<W: Wires>(wires: W) {
    let (mut seen, _) = Seen::begun(wires).await;
    let mut moved = Vec::new();
    for turn in 0..100 {
        for (name, on) in [(B, true), (A, false), (B, false), (A, true)] {
            let before = wires::now();
            seen.wires.set(name, on);
            moved.push((
                wires::ix(&seen.names, name),
                on,
                before,
                wires::now().plus(UNDER_WAY),
            ));
            if turn % 3 != 0 {
                seen.peep().await;
            }
        }
    }
    let all = moved.len();
    seen.wait("every edge", |seen| seen.levels().len() >= all)
        .await;
    let mut told = seen.levels();
    if !W::ONE_ORDER {
        for name in [A, B] {
            let of = wires::ix(&seen.names, name);
            let times = told.iter().filter(|it| it.0 == of).map(|it| it.1);
            assert!(times.is_sorted(), "edges of {name} in order: {told:?}");
        }
        told.sort_by_key(|it| it.1);
    }
    assert_eq!(told.len(), all);
    for (place, ((input, at, level), (wire, on, before, after))) in
        told.iter().zip(&moved).enumerate()
    {
        assert_eq!((input, level), (wire, on), "edge {place}");
        assert!(
            before <= at && at <= after,
            "edge {place}: {before:?} {at:?} {after:?}"
        );
    }
    assert_eq!(seen.lost(A) + seen.lost(B), 0);
}

async fn time<W: Wires>(wires: W) {
    let (mut seen, _) = Seen::begun(wires).await;
    for _ in 0..20 {
        seen.wires.set(A, false);
        seen.wires.set(A, true);
        let until = wires::now();
        seen.wires.pass_time();
        let passed = |seen: &Seen<W>| {
            let ticks = seen.inputs.iter().filter(|it| it.what == What::Tick);
            ticks.map(|it| it.mono).max() >= Some(until)
        };
        let looked = tokio::time::timeout(PATIENCE, async {
            while !passed(&seen) {
                seen.board
                    .inputs(Some(until), &mut seen.inputs)
                    .await
                    .unwrap();
            }
        });
        assert!(looked.await.is_ok(), "no tick: {:?}", seen.inputs);
    }
    let mut passed = BoardTime(0);
    for input in &seen.inputs {
        match input.what {
            What::Tick => passed = passed.max(input.mono),
            _ => assert!(input.mono >= passed, "{input:?} after a tick of {passed:?}"),
        }
    }
}

async fn loss<W: Wires>(wires: W) {
    let (mut seen, _) = Seen::begun(wires).await;
    seen.wires.flood(B, FLOOD);
    // Something after it, so that its end is seen.
    seen.wires.set(A, false);
    seen.wait("the end of the flood", |seen| {
        !seen.levels_of(A).is_empty() && seen.levels_of(B).len() as u32 + seen.lost(B) >= FLOOD
    })
    .await;
    let (told, lost) = (seen.levels_of(B), seen.lost(B));
    println!(
        "{}: {FLOOD} edges, {} told, {lost} told as lost",
        W::NAME,
        told.len()
    );
    assert!(lost > 0, "the queues held all of it");
    assert_eq!(told.len() as u32 + lost, FLOOD);
    assert_eq!(told.last(), Some(&false));
    let b = wires::ix(&seen.names, B);
    let mut of_b = seen.inputs.iter().map(|it| &it.what).filter(
        |what| matches!(what, What::Level { input, .. } | What::Lost { input, .. } if *input == b),
    );
    let mut last = false;
    while let Some(what) = of_b.next() {
        let (skipped, level) = match what {
            What::Lost { edges, .. } => match of_b.next() {
                Some(What::Level { level, .. }) => (*edges, *level),
                other => panic!("a level after what was lost, not {other:?}"),
            },
            What::Level { level, .. } => (0, *level),
            other => panic!("{other:?}"),
        };
        // Only what is told as lost explains a level that comes twice.
        assert_eq!(
            level != last,
            skipped % 2 == 0,
            "{skipped} lost before {level}"
        );
        last = level;
    }
}

async fn slips<W: Wires>(wires: W) {
    let (mut seen, _) = Seen::begun(wires).await;
    if !seen.wires.slip(B, true) {
        return;
    }
    seen.wait("the level", |seen| !seen.levels_of(B).is_empty())
        .await;
    assert_eq!((seen.levels_of(B), seen.lost(B)), (vec![true], 1));
}

async fn bounces<W: Wires>(wires: W) {
    let (mut seen, _) = Seen::begun(wires).await;
    for _ in 0..4 {
        for (on, name) in [(true, BUTTON), (true, B), (false, BUTTON), (false, B)] {
            seen.wires.set(name, on);
        }
    }
    seen.wires.set(BUTTON, true);
    seen.wires.set(B, true);
    seen.wait("the beam's last edge", |seen| seen.levels_of(B).len() >= 9)
        .await;
    seen.wait("the button", |seen| {
        seen.levels_of(BUTTON).last() == Some(&true)
    })
    .await;
    assert_eq!(seen.levels_of(B).len(), 9);
    let told = if W::DEBOUNCES { 1 } else { 9 };
    assert_eq!(
        seen.levels_of(BUTTON).len(),
        told,
        "{:?}",
        seen.levels_of(BUTTON)
    );
}

async fn outputs<W: Wires>(wires: W) {
    let (mut seen, first) = Seen::begun(wires).await;
    let is = |seen: &mut Seen<W>| [seen.wires.output(0), seen.wires.output(1)];
    let safe = OUTPUTS.map(|(_, _, safe)| safe);
    assert_eq!(is(&mut seen), safe, "at start");
    let at = first[0].mono;
    for level in [true, false, true] {
        for (output, safe) in safe.into_iter().enumerate() {
            let level = level != safe;
            seen.board.set_output(OutputChange { at, output, level });
            seen.board.flush();
            assert_eq!(is(&mut seen)[output], level, "output {output}");
        }
    }
    assert_eq!(is(&mut seen), safe.map(|safe| !safe));
    let Seen {
        mut wires, board, ..
    } = seen;
    drop(board);
    assert_eq!([wires.output(0), wires.output(1)], safe, "at the end");
}

async fn confirms<W: Wires>(wires: W) {
    let (mut seen, first) = Seen::begun(wires).await;
    let boot: BootId = match &first[0].what {
        What::Boot(boot) => boot.clone(),
        other => panic!("{other:?}"),
    };
    let durable = first[0].mono;
    seen.board.confirm(&boot, durable);
    seen.board.flush();
    assert!(seen.wires.heard(&boot, durable));
}
