//! Stand-ins that describe the model's words in the OpenAPI document.
//!
//! The model knows no HTTP and derives no schema, so each of its types that the API shows has a
//! twin here. The lists of words are made from the model's own values: they cannot drift in spelling.

use std::borrow::Cow;

use gatepost_model::{
    Direction as Dir, LaneKind as Kind, LeadsTo as Leads, Zone as ModelZone,
    alert::{AlertKind as Alert, AlertState as Standing, Outcome as End, Severity as Degree},
    event::FaultCode as Code,
    time::Clock as Known,
    unit::UnitState as Presence,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type},
    },
};

/// A name in the two languages of the page.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct Name {
    /// Chinese.
    zh: String,
    /// English.
    en: String,
}

/// A time: RFC 3339 in UTC, with milliseconds.
pub(crate) enum Time {}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("RFC 3339 in UTC, with milliseconds"))
            .into()
    }
}

impl ToSchema for Time {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Time")
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident: $values:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) enum $name {}

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                one_of(&$values)
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

words! {
    /// One of the four zones.
    Zone: ModelZone::ALL;
    /// What passes through a lane.
    LaneKind: [Kind::People, Kind::Car, Kind::Goods];
    /// Where a lane leads.
    LeadsTo: [
        Leads::Site,
        Leads::Zone(ModelZone::Management),
        Leads::Zone(ModelZone::Construction),
        Leads::Zone(ModelZone::Living),
        Leads::Zone(ModelZone::Isolation),
    ];
    /// Which way.
    Direction: [Dir::In, Dir::Out];
    /// What is wrong.
    AlertKind: Alert::ALL;
    /// Where an alert stands.
    AlertState: [
        Standing::Raised, Standing::Acknowledged, Standing::Shelved, Standing::Resolved,
    ];
    /// How soon a person is needed.
    Severity: [Degree::Critical, Degree::Major, Degree::Minor];
    /// How an alert ended.
    Outcome: End::ALL;
    /// What is wrong with a sensor.
    FaultCode: [
        Code::Stuck, Code::Blocked, Code::BusError, Code::OutOfRange, Code::Frozen,
        Code::LostEdges, Code::Undervoltage, Code::ClockStep, Code::DiskLow, Code::Other,
    ];
    /// What a unit knows of its wall clock.
    Clock: [Known::Synced, Known::Holdover, Known::Unset];
    /// How long ago a unit was last heard.
    UnitState: [
        Presence::NoDataYet, Presence::Online, Presence::Late, Presence::Stale, Presence::Offline,
    ];
}

fn one_of<T: Serialize>(values: &[T]) -> RefOr<Schema> {
    let words = values
        .iter()
        .filter_map(|value| serde_json::to_value(value).ok())
        .collect::<Vec<Value>>();
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words))
        .into()
}
