//! Queries over a real store.

use gatepost_dashboard::{
    ports::{EventQuery, Step},
    view::EventPage,
};
use gatepost_model::SiteId;
use serde_json::{Value, json};

use super::*;
use crate::{
    core::coverage::{BootKey, Watch, Watching},
    store::{
        contract::{Bench, event, passage, reading},
        embedded::tests::File,
        event::StoredEvent,
        port::LatestReading,
    },
};

fn a_site() -> Site {
    serde_json::from_value(json!({
        "id": "binjiang", "time_zone": "Asia/Kathmandu", "name": {"zh": "滨江", "en": "Binjiang"},
        "lane": [
            {"id": "people", "kind": "people"},
            {"id": "goods", "kind": "goods"},
            {"id": "camp", "kind": "people", "leads_to": "living"},
        ],
    }))
    .unwrap()
}

/// The time of second 0 of the stored events.
fn at(seconds: i64) -> Wall {
    event(1, seconds, json!({"kind": "x"})).time
}

const HOUR: i64 = 3600;

/// A unit that watches people, goods, the sensor and the living zone from second 0 to 2 hours.
fn sight() -> Sight {
    let boot = BootKey {
        unit: "gate-1".parse().unwrap(),
        log: "log-1".parse().unwrap(),
        boot: "boot-1".parse().unwrap(),
    };
    let mut sight = Sight::default();
    sight.put_watching(Watching {
        boot: boot.clone(),
        from_mono: 0,
        lanes: vec!["people".parse().unwrap(), "goods".parse().unwrap()],
        sensors: vec!["yard-env".parse().unwrap()],
        zones: vec![Zone::Living],
    });
    sight
        .watches
        .add(Watch::proven(boot, 0, 7_200_000_000, at(2 * HOUR), 10));
    sight
}

struct Setup {
    site: Site,
    file: File,
    sight: Sight,
}

impl Setup {
    fn new(events: &[StoredEvent]) -> Self {
        let file = File::empty();
        file.append(events);
        Self {
            site: a_site(),
            file,
            sight: sight(),
        }
    }

    /// Four hours from second 0 on, by the hour; it is three and a half hours later.
    fn ask(&self, metric: &str, change: impl FnOnce(&mut SeriesQuery)) -> Series {
        self.ask_of(self.file.store(), metric, change)
    }

    fn ask_of(
        &self,
        store: &dyn EventStore,
        metric: &str,
        change: impl FnOnce(&mut SeriesQuery),
    ) -> Series {
        let mut query = SeriesQuery {
            metric: metric.to_owned(),
            lane: None,
            dir: None,
            zone: None,
            sensor: None,
            // A local hour of Kathmandu begins at :15.
            from: at(15 * 60),
            to: at(15 * 60 + 4 * HOUR),
            step: Step::Minutes(60),
        };
        change(&mut query);
        let source = Source {
            site: &self.site,
            zone: SiteZone::parse(&self.site.time_zone).unwrap(),
            store,
            sight: &self.sight,
            anchor: Some(Anchor {
                at: at(0),
                count: 2,
                called: false,
            }),
            now: at(15 * 60 + 3 * HOUR + 1800),
        };
        series(&source, &query).unwrap()
    }
}

fn column(series: &Series, name: &str) -> Value {
    let column = series
        .columns
        .iter()
        .position(|column| column == name)
        .unwrap();
    series.rows.iter().map(|row| json!(row[column])).collect()
}

/// A row as it goes out, without its time.
fn row(series: &Series, at: usize) -> Value {
    json!(series.rows[at][1..])
}

fn passages() -> Setup {
    Setup::new(&[
        passage(1, 60, "people", "in"),
        passage(2, 1000, "people", "in"),
        passage(3, 1000, "goods", "in"),
        passage(4, 1100, "people", "out"),
        passage(5, 15 * 60 + 2 * HOUR, "people", "out"),
        passage(6, 15 * 60 + 2 * HOUR, "camp", "in"),
    ])
}

#[test]
fn counts_are_null_only_where_nobody_watched_and_nothing_was_seen() {
    let setup = passages();
    let series = setup.ask("passages", |query| {
        query.lane = Some("people".parse().unwrap())
    });
    assert_eq!(series.columns, ["time", "n", "coverage"]);
    assert_eq!(column(&series, "time")[0], "2026-11-23T20:15:00.000Z");
    // The second hour was watched for 45 minutes; in the third something was seen all the same.
    assert_eq!(column(&series, "coverage"), json!([1.0, 0.75, 0.0, 0.0]));
    assert_eq!(column(&series, "n"), json!([2, 0, 1, null]));
    let into = setup.ask("passages", |query| query.dir = Some(Direction::In));
    assert_eq!(column(&into, "n"), json!([2, 0, 1, null]));
    // A lane that no unit ever watched makes no sum unknown, but is unknown itself.
    assert_eq!(column(&into, "coverage"), json!([1.0, 0.75, 0.0, 0.0]));
    let camp = setup.ask("passages", |query| query.zone = Some(Zone::Living));
    assert_eq!(column(&camp, "n"), json!([null, null, 1, null]));
    let none = setup.ask("passages", |query| query.zone = Some(Zone::Isolation));
    assert_eq!(column(&none, "n"), json!([null, null, null, null]));
}

#[test]
fn the_headcount_is_that_at_the_end_of_each_bucket() {
    let setup = passages();
    let series = setup.ask("headcount", |_| ());
    // Two at the beginning, one came before the range, then one in and one out, later one out.
    assert_eq!(column(&series, "n"), json!([3, 3, 2, null]));
    assert_eq!(column(&series, "coverage"), json!([1.0, 0.75, 0.0, 0.0]));
    let before = setup.ask("headcount", |query| {
        query.from = at(-2 * HOUR);
        query.to = at(15 * 60 + HOUR);
    });
    assert_eq!(column(&before, "n"), json!([null, null, 3, 3]));
}

/// A store that does not know any more what it had in the second hour.
struct Forgetful<'a>(&'a dyn EventStore);

impl EventStore for Forgetful<'_> {
    fn events(&self, site: &SiteId, query: &EventQuery) -> Result<EventPage, ReadError> {
        self.0.events(site, query)
    }

    fn counts(
        &self,
        site: &SiteId,
        which: &CountFilter,
        edges: &[Wall],
    ) -> Result<Vec<u64>, ReadError> {
        self.0.counts(site, which, edges)
    }

    fn stats(
        &self,
        site: &SiteId,
        which: &StatsFilter,
        edges: &[Wall],
    ) -> Result<Vec<Option<Stats>>, ReadError> {
        self.0.stats(site, which, edges)
    }

    fn latest(&self, site: &SiteId) -> Result<Vec<LatestReading>, ReadError> {
        self.0.latest(site)
    }

    fn untold(
        &self,
        _site: &SiteId,
        _which: Question<'_>,
        _edges: &[Wall],
    ) -> Result<Vec<(Wall, Wall)>, ReadError> {
        Ok(vec![(at(15 * 60 + HOUR), at(15 * 60 + 2 * HOUR))])
    }
}

#[test]
fn nobody_knows_who_is_inside_after_what_the_store_cannot_tell() {
    let setup = passages();
    let store = Forgetful(setup.file.store());
    let headcount = setup.ask_of(&store, "headcount", |_| ());
    assert_eq!(column(&headcount, "n"), json!([3, null, null, null]));
    let later = setup.ask_of(&store, "headcount", |query| {
        query.from = at(15 * 60 + 2 * HOUR);
    });
    assert_eq!(column(&later, "n"), json!([null, null]));
    let passages = setup.ask_of(&store, "passages", |query| {
        query.lane = Some("people".parse().unwrap())
    });
    assert_eq!(column(&passages, "n"), json!([2, null, 1, null]));
    assert_eq!(column(&passages, "coverage"), json!([1.0, 0.0, 0.0, 0.0]));
}

#[test]
fn measurements_have_their_least_mean_and_most() {
    let round = json!({"kind": "round", "zone": "living", "round": "r", "phase": "ended", "started_mono_us": 0, "litres": 2.5, "evidence": "button+flow"});
    let screening = json!({"kind": "screening", "lane": "people", "id": "s", "attempt": 1, "skin_c": 34.5, "rule": "rel-1", "verdict": "normal"});
    let setup = Setup::new(&[
        reading(1, 1000, "yard-env", 10.0),
        reading(2, 1001, "yard-env", 20.0),
        event(3, 1002, round),
        event(4, 1003, screening),
    ]);
    let series = setup.ask("ambient_c", |query| query.zone = Some(Zone::Living));
    assert_eq!(
        series.columns,
        ["time", "n", "min", "mean", "max", "coverage"]
    );
    assert_eq!(row(&series, 0), json!([2, 10.0, 15.0, 20.0, 1.0]));
    assert_eq!(row(&series, 1), json!([0, null, null, null, 0.75]));
    assert_eq!(row(&series, 2), json!([null, null, null, null, 0.0]));
    let first = |metric: &str, sensor: Option<&str>| {
        let series = setup.ask(metric, |query| {
            query.sensor = sensor.map(|it| it.parse().unwrap())
        });
        row(&series, 0)
    };
    assert_eq!(first("ambient_c", Some("yard-env"))[0], 2);
    assert_eq!(first("ambient_c", Some("other"))[0], Value::Null);
    assert_eq!(first("litres", None), json!([1, 2.5, 2.5, 2.5, 1.0]));
    assert_eq!(first("skin_c", None), json!([1, 34.5, 34.5, 34.5, 1.0]));
    assert_eq!(first("never_measured", None)[0], Value::Null);
    // No lane of people leads there: nothing is screened, rather than everyone.
    let nowhere = setup.ask("skin_c", |query| query.zone = Some(Zone::Isolation));
    assert_eq!(column(&nowhere, "n"), json!([null, null, null, null]));
}

#[test]
fn a_share_is_rounded_but_never_to_all_or_nothing() {
    assert_eq!(six_digits(1.0 / 3.0), 0.333_333);
    assert_eq!(six_digits(0.999_999_9), 0.999_999);
    assert_eq!(six_digits(0.000_000_1), 0.000_001);
    assert_eq!((six_digits(0.0), six_digits(1.0)), (0.0, 1.0));
}
