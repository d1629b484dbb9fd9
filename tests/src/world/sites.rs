//! The sites of the demo: names that a Chinese and an English reader find natural, and what differs
//! between a building site, a mall and a hospital.

use std::path::Path;

use chrono::NaiveDate;
use chrono_tz::Tz;
use gatepost_edge::core::screening::rule::Place;
use gatepost_model::{
    Site, UnitId, Zone,
    plan::ZoneSettings,
    site::{Lane, LaneKind, LeadsTo, Name},
};

use super::{
    beams::{Beams, CAR, GOODS, PEOPLE},
    people::ABREAST,
    rounds::pins,
};

/// Pulses of a simulated pump a litre.
pub const PULSES_PER_LITRE: f64 = 10.0;

/// When people come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One shift a day, out for lunch.
    Works,
    /// Customers from ten to ten.
    Mall,
    /// Visitors all day, some at night.
    Clinic,
}

/// What the world knows of a site.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Its id.
    pub id: &'static str,
    zh: &'static str,
    en: &'static str,
    /// Its time zone.
    pub zone: Tz,
    /// When people come and go.
    pub shape: Shape,
    /// Zones that it does not have.
    unused: &'static [Zone],
    /// Zones that it calls otherwise.
    renamed: &'static [(Zone, &'static str, &'static str)],
    /// Mean temperature of the year, degC.
    pub mean_c: f64,
    /// Where its thermometer looks.
    pub looks_at: Place,
}

/// Which unit of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Post {
    /// `gate-1`: three lanes, the thermometer, the guard's box.
    Gate,
    /// `yard-1`: the zones' round stations and temperatures.
    Yard,
}

impl Post {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Gate, Self::Yard];

    /// The unit's id.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Gate => "gate-1",
            Self::Yard => "yard-1",
        }
    }
}

const SHANGHAI: Tz = Tz::Asia__Shanghai;

const fn works(id: &'static str, zh: &'static str, en: &'static str, mean_c: f64) -> Plan {
    Plan {
        id,
        zh,
        en,
        zone: SHANGHAI,
        shape: Shape::Works,
        unused: &[],
        renamed: &[],
        mean_c,
        looks_at: Place::Forehead,
    }
}

/// As many sites as there can be.
pub const PLANS: [Plan; 12] = [
    works("binjiang", "滨江二期", "Binjiang Phase II", 15.5),
    Plan {
        shape: Shape::Mall,
        unused: &[Zone::Construction],
        renamed: &[(Zone::Living, "营业区", "Shop floor")],
        ..works("donghu", "东湖奥特莱斯", "East Lake Outlets", 15.0)
    },
    Plan {
        shape: Shape::Clinic,
        unused: &[Zone::Construction],
        renamed: &[(Zone::Living, "住院区", "Wards")],
        ..works("gaoxin", "高新医院", "Gaoxin Hospital", 14.8)
    },
    works("beizhan", "北站货场", "North Station Freight Yard", 14.5),
    works("longhu", "龙湖三标", "Longhu Lot 3", 15.2),
    Plan {
        renamed: &[
            (Zone::Construction, "教学区", "Classrooms"),
            (Zone::Living, "宿舍区", "Dormitories"),
        ],
        ..works(
            "jinshui",
            "金水实验中学",
            "Jinshui Experimental School",
            15.1,
        )
    },
    Plan {
        renamed: &[(Zone::Construction, "生产区", "Production")],
        ..works("baisha", "白沙食品厂", "Baisha Food Plant", 15.0)
    },
    Plan {
        renamed: &[(Zone::Construction, "养殖区", "Barns")],
        ..works("xuedian", "薛店养殖场", "Xuedian Farm", 14.6)
    },
    Plan {
        shape: Shape::Clinic,
        ..works("hangkong", "航空港查验场", "Airport Inspection Yard", 15.0)
    },
    Plan {
        shape: Shape::Clinic,
        unused: &[Zone::Construction],
        ..works("yingbin", "迎宾路安置点", "Yingbin Road Shelter", 15.3)
    },
    Plan {
        zone: Tz::Asia__Urumqi,
        ..works("kashi", "喀什工业园", "Kashgar Industrial Park", 12.5)
    },
    Plan {
        zone: Tz::Europe__Berlin,
        ..works("hamburg", "汉堡港仓库", "Hamburg Port Warehouse", 9.8)
    },
];

impl Plan {
    /// The same site in another time zone.
    pub fn in_zone(self, zone: Tz) -> Self {
        Self { zone, ..self }
    }

    /// The same site with a thermometer that looks elsewhere.
    pub fn looking_at(self, place: Place) -> Self {
        Self {
            looks_at: place,
            ..self
        }
    }

    /// The zones that it has.
    pub fn zones(&self) -> impl Iterator<Item = Zone> + '_ {
        Zone::ALL
            .into_iter()
            .filter(|zone| !self.unused.contains(zone))
    }

    /// What the hub is to know of it. Rounds are planned from that day on.
    pub fn site(&self, plan_from: Option<NaiveDate>, posts: &[Post]) -> Site {
        let lane = |beams: Beams, kind| Lane {
            id: id(beams.lane),
            kind,
            leads_to: LeadsTo::Site,
            name: None,
        };
        let settings = |zone: Zone| ZoneSettings {
            used: !self.unused.contains(&zone),
            name: self
                .renamed
                .iter()
                .find(|(renamed, ..)| *renamed == zone)
                .map(|(_, zh, en)| name(zh, en)),
            ..ZoneSettings::default()
        };
        let special = Zone::ALL
            .into_iter()
            .map(|zone| (zone, settings(zone)))
            .filter(|(_, settings)| *settings != ZoneSettings::default());
        let time_zone = self.zone.name().to_owned();
        Site {
            plan_from,
            count_error: ABREAST,
            units: posts.iter().map(|post| id::<UnitId>(post.unit())).collect(),
            lanes: vec![
                lane(PEOPLE, LaneKind::People),
                lane(CAR, LaneKind::Car),
                lane(GOODS, LaneKind::Goods),
            ],
            zones: special.collect(),
            ..Site::new(id(self.id), time_zone, name(self.zh, self.en))
        }
    }

    /// Every pin of one of its units that has a level.
    pub fn pins(&self, post: Post) -> Vec<&'static str> {
        match post {
            Post::Gate => [PEOPLE, CAR, GOODS]
                .into_iter()
                .flat_map(|beams| [beams.a, beams.b])
                .chain(["people-admitted", "people-refused", "people-isolated"])
                .collect(),
            Post::Yard => self
                .zones()
                .flat_map(|zone| {
                    let pins = pins(zone);
                    [pins.start, pins.stop, pins.flow]
                })
                .collect(),
        }
    }

    /// The wiring of one of its units, as the tables of `gatepost-edge.toml` after `[board]`.
    pub fn wiring(&self, post: Post) -> String {
        match post {
            Post::Gate => {
                let place = match self.looks_at {
                    Place::Forehead => "forehead",
                    Place::Canthus => "canthus",
                };
                format!(
                    "{GATE}\n[[thermometer]]\nname = \"people-ir\"\nlane = \"people\"\nplace = \"{place}\"\n"
                )
            }
            Post::Yard => self.zones().map(yard).collect(),
        }
    }

    /// The whole `gatepost-edge.toml` of one of its units.
    pub fn unit_config(&self, post: Post, files: &UnitFiles<'_>) -> String {
        format!(
            "[unit]\nsite = \"{}\"\nid = \"{}\"\ndata = {:?}\n\n[mqtt]\naddress = \"{}\"\n\n[board]\nkind = \"sim\"\nsocket = {:?}\n\n{}\n{}",
            self.id,
            post.unit(),
            files.data.display().to_string(),
            files.mqtt,
            files.socket.display().to_string(),
            files.extra,
            self.wiring(post),
        )
    }
}

/// Where a unit's things are.
#[derive(Debug, Clone, Copy)]
pub struct UnitFiles<'a> {
    /// The spool's folder.
    pub data: &'a Path,
    /// The simulated board's socket.
    pub socket: &'a Path,
    /// The broker's `HOST:PORT`.
    pub mqtt: &'a str,
    /// Tables besides: timers, room of the spool.
    pub extra: &'a str,
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("the ids of the world are ids")
}

fn name(zh: &str, en: &str) -> Name {
    Name {
        zh: zh.to_owned(),
        en: en.to_owned(),
    }
}

const GATE: &str = r#"
[[lane]]
name = "people"
kind = "people"
leads_to = "site"
beam_a = "people-a"
beam_b = "people-b"
lamp = "people-lamp"
buzzer = "people-buzzer"

[[lane]]
name = "car"
kind = "car"
leads_to = "site"
beam_a = "car-a"
beam_b = "car-b"

[[lane]]
name = "goods"
kind = "goods"
leads_to = "site"
beam_a = "goods-a"
beam_b = "goods-b"

[[entry_box]]
lane = "people"
admitted = "people-admitted"
refused = "people-refused"
isolated = "people-isolated"

[[sensor]]
name = "gate-env"
interval_s = 60
"#;

fn yard(zone: Zone) -> String {
    let pins = pins(zone);
    format!(
        r#"
[[round_station]]
zone = "{zone}"
start = "{}"
stop = "{}"
flow = "{}"
pulses_per_litre = {PULSES_PER_LITRE}

[[sensor]]
name = "{}"
zone = "{zone}"
interval_s = 60
"#,
        pins.start, pins.stop, pins.flow, pins.ambient
    )
}
