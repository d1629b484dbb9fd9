//! A hub with one site, two alerts and one unit, that remembers what it was asked.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use chrono::NaiveDate;
use gatepost_dashboard::{
    Options, Services,
    ports::{
        Act, AlertQuery, Answer, Change, Command, CommandError, EventQuery, Frame, LiveStream,
        ReadError, Readiness, Scope, SeriesQuery, SiteCommand, SiteRead, Subscription,
    },
    view::{
        AlertView, AuditEntry, CommandView, ComplianceView, DowntimeView, EntryCounts, EpisodeView,
        EventPage, HandOverView, IsolationView, LatestView, MeasuredView, MessageView,
        QuarantineItem, RecipientView, RollCallView, Series, SettingsView, SiteRow, SiteSnapshot,
        SlotView, ThroughputView, UnitConfig, UnitView,
    },
};
use gatepost_model::{SiteId, UnitId, Wall, Zone};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::broadcast;

/// Frames that a reader may be behind before it is cut.
pub(crate) const CHANNEL: usize = 4;

/// A made-up hub.
pub(crate) struct Fake {
    /// What was asked last, as `Debug` writes it.
    pub(crate) asked: Mutex<String>,
    /// The revision that the last reader said it had.
    pub(crate) last_rev: Mutex<Option<u64>>,
    /// The store answers nothing.
    pub(crate) broken: AtomicBool,
    /// What the stream sends.
    pub(crate) frames: broadcast::Sender<Frame>,
    /// The stream's revision.
    pub(crate) rev: Mutex<u64>,
}

impl Fake {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            asked: Mutex::default(),
            last_rev: Mutex::default(),
            broken: AtomicBool::new(false),
            frames: broadcast::channel(CHANNEL).0,
            rev: Mutex::new(7),
        })
    }

    pub(crate) fn services(self: &Arc<Self>, options: Options) -> Services {
        Services {
            read: self.clone(),
            command: self.clone(),
            live: self.clone(),
            options,
        }
    }

    pub(crate) fn asked(&self) -> String {
        self.asked.lock().unwrap().clone()
    }

    /// Sends a delta to every reader.
    pub(crate) fn delta(&self) {
        let mut rev = self.rev.lock().unwrap();
        *rev += 1;
        let data =
            json!({"rev": *rev, "server_time": self.now(), "t": [["lanes/people", "in", *rev]]});
        let _ = self.frames.send(frame(Some(*rev), "delta", data));
    }

    fn note(&self, what: impl std::fmt::Debug) -> Result<(), ReadError> {
        *self.asked.lock().unwrap() = format!("{what:?}");
        match self.broken.load(Ordering::Relaxed) {
            true => Err(ReadError::Unavailable("the disk is full".to_owned())),
            false => Ok(()),
        }
    }
}

pub(crate) fn frame(rev: Option<u64>, event: &'static str, data: Value) -> Frame {
    Frame {
        rev,
        event,
        data: data.to_string().into(),
    }
}

fn made<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn known(site: &SiteId) -> Result<(), ReadError> {
    match site.as_str() {
        "binjiang" => Ok(()),
        other => Err(ReadError::NotFound {
            what: "site",
            id: other.to_owned(),
        }),
    }
}

pub(crate) fn alert(id: u64, version: u64) -> AlertView {
    made(json!({
        "id": id, "kind": "fever_suspected", "severity": "major", "state": "raised", "site": "binjiang",
        "subject": {"lane": "people", "id": "6f1c-people-81229900000"},
        "params": {"skin_c": 36.6, "delta_c": 1.9},
        "happened_at": "2026-11-23T07:30:57.652Z", "raised_at": "2026-11-23T07:30:58.000Z",
        "count": 1, "cleared": false, "acknowledged_by": null, "acknowledged_at": null,
        "resolved_at": null, "outcome": null, "version": version,
        "history": [{"at": "2026-11-23T07:30:58.000Z", "what": "raised"}],
    }))
}

fn unit() -> UnitView {
    made(json!({
        "id": "gate-1", "state": "online",
        "contact_at": "2026-11-23T07:31:00.000Z", "contact_age_s": 2.0,
        "data_at": "2026-11-23T07:30:57.652Z", "data_age_s": 4.348,
        "interval_s": 10, "waiting": 3, "catching_up": false, "clock": "synced", "version": "0.1.0",
        "lanes": ["people"], "zones": ["living"],
        "faults": [{"sensor": "people-ir", "code": "bus_error", "since": "2026-11-23T05:22:00.000Z"}],
        "lost": 0,
        "logs": [{"log": "9b1de0a47c2f5e38", "through": 1234, "lost": 0}],
    }))
}

fn slot() -> SlotView {
    made(json!({
        "id": "living-2026-11-23-1", "zone": "living", "date": "2026-11-23", "number": 1,
        "start": "2026-11-23T00:00:00.000Z", "end": "2026-11-23T03:00:00.000Z",
        "verdict": "late", "since": "2026-11-23T03:20:00.000Z",
        "proof": {
            "round": "6f1c-living-1", "unit": "gate-1", "started": "2026-11-23T03:10:00.000Z",
            "ended": "2026-11-23T03:20:00.000Z", "litres": 12.5, "pump_s": 300.0, "points": [],
            "evidence": "button+flow",
        },
        "history": [{"at": "2026-11-23T03:05:00.000Z", "verdict": "missed"}],
    }))
}

impl SiteRead for Fake {
    fn now(&self) -> Wall {
        Wall::parse("2026-11-23T07:31:02.000Z").unwrap()
    }

    fn sites(&self) -> Result<Vec<SiteRow>, ReadError> {
        self.note("sites")?;
        Ok(vec![made(json!({
            "id": "binjiang", "name": {"zh": "滨江二期", "en": "Binjiang II"}, "time_zone": "Asia/Shanghai",
            "local_date": "2026-11-23",
            "alerts": {"critical": 0, "major": 1, "minor": 1, "unacknowledged": 2}, "worst": alert(1, 1),
            "headcount": {"estimate": 24, "low": 22, "high": 26, "since": "2026-11-22T16:00:00.000Z", "unclear": 1, "unwatched_s": 60},
            "today": {"in": 412, "out": 388, "unclear": 1},
            "lanes": [{"id": "people", "kind": "people", "in": 412, "out": 388, "state": "fresh"}],
            "zones": [{"id": "living", "used": true, "verdicts": ["late", "due"]}],
            "units_online": 1, "units_total": 2, "data_at": "2026-11-23T07:30:57.652Z",
            "catching_up": false, "waiting": 3,
        }))])
    }

    fn site(&self, site: &SiteId) -> Result<SiteSnapshot, ReadError> {
        self.note("site")?;
        known(site)?;
        Ok(made(json!({
            "id": "binjiang", "name": {"zh": "滨江二期", "en": "Binjiang II"}, "time_zone": "Asia/Shanghai",
            "local_date": "2026-11-23",
            "day_start": "2026-11-22T16:00:00.000Z", "day_end": "2026-11-23T16:00:00.000Z",
            "headcount": null, "today": {"in": 412, "out": 388, "unclear": 1},
            "lanes": [{
                "id": "people", "kind": "people", "leads_to": "site", "name": null,
                "in": 412, "out": 388, "unclear": 1, "screened": 400, "fevers": 1,
                "baseline_c": 34.6, "warming_up": false, "last_at": "2026-11-23T07:30:57.652Z",
                "state": "fresh", "state_since": null, "catching_up": false, "as_of": null,
                "coverage": 0.998, "uncovered_s": 60,
                "hours": [{"time": "2026-11-23T07:00:00.000Z", "in": null, "out": null, "coverage": 0.0}],
                "faults": [],
            }],
            "zones": [{
                "id": "living", "used": true, "name": null,
                "ambient": {"value": 21.6, "at": "2026-11-23T07:30:00.000Z", "interval_s": 60, "state": "fresh", "state_since": null},
                "headcount": null, "slots": [slot()], "units_online": 1, "units_total": 1,
            }],
            "units": [unit()], "alerts": [alert(1, 1)], "troubles": [],
        })))
    }

    fn events(&self, site: &SiteId, query: &EventQuery) -> Result<EventPage, ReadError> {
        self.note(query)?;
        known(site)?;
        if query.cursor.as_deref() == Some("torn") {
            return Err(ReadError::Invalid {
                parameter: "cursor",
                reason: "it is none that this hub gave".to_owned(),
            });
        }
        Ok(made(json!({
            "events": [{"mono_us": 1, "kind": "passage", "lane": "people", "dir": "in", "unit": "gate-1", "seq": 1042}],
            "next": "1042",
        })))
    }

    fn series(&self, site: &SiteId, query: &SeriesQuery) -> Result<Series, ReadError> {
        self.note(query)?;
        known(site)?;
        Ok(made(json!({
            "columns": ["time", "n", "coverage"],
            "rows": [["2026-11-22T16:00:00.000Z", 12, 1], ["2026-11-22T17:00:00.000Z", null, 0]],
        })))
    }

    fn messages(&self, limit: usize, before: Option<u64>) -> Result<Vec<MessageView>, ReadError> {
        self.note((limit, before))?;
        Ok(made(
            json!([{ "id": 7, "site": "binjiang", "recipient": "wang", "channel": "mail",
            "alert": 1, "kind": "loss", "said": "raised", "state": "sent",
            "made_at": "2026-11-23T07:30:58.000Z", "sent_at": "2026-11-23T07:30:59.000Z",
            "attempts": 1, "repeated": false, "answer": "ok" }]),
        ))
    }

    fn recipients(&self, site: &SiteId) -> Result<Vec<RecipientView>, ReadError> {
        known(site)?;
        Ok(made(
            json!([{ "name": "guard", "channel": "group", "language": "zh", "least": "minor",
            "after_min": 0, "last": null }]),
        ))
    }

    fn hand_overs(&self, site: &SiteId) -> Result<Vec<HandOverView>, ReadError> {
        known(site)?;
        Ok(made(
            json!([{ "id": 1, "at": "2026-11-23T07:30:58.000Z", "from": "wang", "to": "li",
            "note": null, "alerts": [{ "alert": 1, "kind": "loss", "severity": "major",
            "state": "acknowledged", "zone": null, "owner": "wang" }], "slots": [],
            "isolated": [], "accepted_at": null, "returned": [] }]),
        ))
    }

    fn measured(
        &self,
        site: &SiteId,
        date: Option<NaiveDate>,
    ) -> Result<Vec<MeasuredView>, ReadError> {
        self.note(date)?;
        known(site)?;
        Ok(made(
            json!([{ "zone": null, "start": "2026-11-22T22:00:00.000Z",
            "end": "2026-11-23T02:00:00.000Z", "passed": 40, "unclear": 1, "measured": 38,
            "share": 0.95, "watched": 1.0, "without": [] }]),
        ))
    }

    fn isolation(&self, site: &SiteId) -> Result<IsolationView, ReadError> {
        known(site)?;
        Ok(made(
            json!({ "in": 30, "released": 28, "present": 2, "episodes": [], "days": [] }),
        ))
    }

    fn downtimes(&self) -> Result<Vec<DowntimeView>, ReadError> {
        self.note("downtimes")?;
        Ok(made(
            json!([{ "from": "2026-11-23T03:10:00.000Z", "to": "2026-11-23T04:02:00.000Z" }]),
        ))
    }

    fn throughput(&self, site: &SiteId) -> Result<Vec<ThroughputView>, ReadError> {
        known(site)?;
        Ok(made(
            json!([{ "lane": "people", "from": "2026-11-23T07:15:00.000Z",
            "to": "2026-11-23T07:40:00.000Z", "passed": 150, "screened": 150,
            "per_minute": 6.0, "seconds_between": 10.0, "second_lane": true }]),
        ))
    }

    fn compliance(
        &self,
        site: &SiteId,
        from: Wall,
        to: Wall,
    ) -> Result<Vec<ComplianceView>, ReadError> {
        self.note((from, to))?;
        known(site)?;
        Ok(made(
            json!([{ "month": "2026-11", "zone": null, "done": 3, "late": 1, "short": 0,
            "missed": 0, "unknown": 2, "excused": 1, "in_time": 0.75, "made": 1.0 }]),
        ))
    }

    fn slots(&self, site: &SiteId, from: Wall, to: Wall) -> Result<Vec<SlotView>, ReadError> {
        self.note((from, to))?;
        known(site)?;
        Ok(vec![slot()])
    }

    fn alerts(&self, query: &AlertQuery) -> Result<(Vec<AlertView>, Option<String>), ReadError> {
        self.note(query)?;
        Ok((vec![alert(1, 1), alert(2, 4)], Some("2".to_owned())))
    }

    fn alert(&self, id: u64) -> Result<AlertView, ReadError> {
        self.note(id)?;
        match id {
            1 | 2 => Ok(alert(id, 1)),
            // A hub with a fault of its own.
            13 => panic!("the read model is inconsistent"),
            _ => Err(ReadError::NotFound {
                what: "alert",
                id: id.to_string(),
            }),
        }
    }

    fn latest(&self, site: Option<&SiteId>) -> Result<Vec<LatestView>, ReadError> {
        self.note(site.map_or("all", |site| site.as_str()))?;
        Ok(vec![LatestView {
            site: "binjiang".parse().unwrap(),
            unit: "gate-1".parse().unwrap(),
            sensor: "yard-env".parse().unwrap(),
            quantity: "ambient_c".to_owned(),
            zone: Some(Zone::Living),
            value: 18.25,
            time: Wall::parse("2026-11-23T07:31:02.000Z").unwrap(),
        }])
    }

    fn units(&self) -> Result<Vec<(SiteId, UnitView)>, ReadError> {
        self.note("units")?;
        Ok(vec![("binjiang".parse().unwrap(), unit())])
    }

    fn unit(&self, site: &SiteId, id: &UnitId) -> Result<UnitView, ReadError> {
        self.note(id)?;
        known(site)?;
        match id.as_str() {
            "gate-1" => Ok(unit()),
            other => Err(ReadError::NotFound {
                what: "unit",
                id: other.to_owned(),
            }),
        }
    }

    fn unit_config(&self, site: &SiteId, unit: &UnitId) -> Result<UnitConfig, ReadError> {
        self.unit(site, unit)?;
        Ok(UnitConfig::none(site.clone(), unit.clone()))
    }

    fn settings(&self, site: &SiteId) -> Result<SettingsView, ReadError> {
        self.note("settings")?;
        known(site)?;
        Ok(SettingsView {
            site: site.clone(),
            version: "9f2c4e5b1e0c9a77".to_owned(),
            text: "id = \"binjiang\"\n".to_owned(),
        })
    }

    fn unit_commands(&self, site: &SiteId, unit: &UnitId) -> Result<Vec<CommandView>, ReadError> {
        self.unit(site, unit)?;
        Ok(Vec::new())
    }

    fn quarantine(
        &self,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<(Vec<QuarantineItem>, Option<String>), ReadError> {
        self.note((limit, cursor))?;
        let item = made(json!({
            "id": 5, "received": "2026-11-23T07:31:00.000Z",
            "topic": "gatepost/v1/binjiang/gate-1/events", "scope": "line", "site": "binjiang",
            "unit": "gate-1", "log": "9f2c4e", "seq": 1043, "code": "bad_line",
            "reason": "expected value at column 1", "count": 1, "text": "<script>",
        }));
        Ok((vec![item], None))
    }

    fn episodes(&self, site: &SiteId) -> Result<Vec<EpisodeView>, ReadError> {
        known(site)?;
        Ok(Vec::new())
    }

    fn roll_calls(&self, site: &SiteId) -> Result<Vec<RollCallView>, ReadError> {
        known(site)?;
        Ok(Vec::new())
    }

    fn entries(&self, site: &SiteId) -> Result<Vec<EntryCounts>, ReadError> {
        known(site)?;
        Ok(Vec::new())
    }

    fn audit(
        &self,
        site: &SiteId,
        _limit: usize,
        _before: Option<u64>,
    ) -> Result<(Vec<AuditEntry>, bool), ReadError> {
        known(site)?;
        Ok((Vec::new(), true))
    }

    fn readiness(&self) -> Vec<Readiness> {
        let broken = self.broken.load(Ordering::Relaxed);
        vec![
            Readiness {
                name: "store",
                ready: !broken,
                detail: if broken {
                    "the disk is full: make room".to_owned()
                } else {
                    String::new()
                },
            },
            Readiness {
                name: "broker",
                ready: true,
                detail: String::new(),
            },
        ]
    }

    fn metrics(&self) -> String {
        "# TYPE gatepost_events counter\ngatepost_events_total 12\n# EOF\n".to_owned()
    }
}

impl SiteCommand for Fake {
    fn command(&self, command: Command) -> Change {
        *self.asked.lock().unwrap() = format!("{command:?}");
        let (id, version) = match command.act {
            Act::Alert { alert, version, .. } => (alert, version),
            _ => (1, None),
        };
        let broken = self.broken.load(Ordering::Relaxed);
        Box::pin(async move {
            match (id, version) {
                _ if broken => Err(CommandError::Unavailable("the disk is full".to_owned())),
                (1, None | Some(4)) => Ok(Answer::Alert(Box::new(alert(1, 5)))),
                (1, Some(_)) => Err(CommandError::Conflict(Box::new(Answer::Alert(Box::new(
                    alert(1, 4),
                ))))),
                _ => Err(CommandError::NotFound {
                    what: "alert",
                    id: id.to_string(),
                }),
            }
        })
    }
}

impl LiveStream for Fake {
    fn subscribe(&self, scope: &Scope, last_rev: Option<u64>) -> Result<Subscription, ReadError> {
        if let Scope::Site(site) = scope {
            known(site)?;
        }
        *self.last_rev.lock().unwrap() = last_rev;
        let rev = *self.rev.lock().unwrap();
        let rest = self.frames.subscribe();
        let first = match last_rev {
            Some(had) => (had + 1..=rev)
                .map(|rev| frame(Some(rev), "delta", json!({"rev": rev, "t": []})))
                .collect(),
            None => vec![frame(
                Some(rev),
                "snapshot",
                json!({"rev": rev, "data": {"sites": []}}),
            )],
        };
        Ok(Subscription { first, rest })
    }

    fn build(&self) -> &str {
        gatepost_dashboard::build_id()
    }
}
