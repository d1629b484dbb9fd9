//! A site's settings.

use chrono::NaiveDate;
use gatepost_model::SiteId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The settings of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingsView {
    /// The site.
    #[schema(value_type = String)]
    pub site: SiteId,
    /// Another one with every change.
    pub version: String,
    /// The site's file, in TOML, as `site export` writes it.
    pub text: String,
}

/// What a calendar changed of a site's public holidays and make-up work days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarView {
    /// The site.
    #[schema(value_type = String)]
    pub site: SiteId,
    /// The version of its settings now.
    pub version: String,
    /// The first site-local day that is planned by it: the plan of days before stays.
    #[schema(value_type = String, format = Date)]
    pub holds_from: NaiveDate,
    /// Days that are different now, in order.
    pub changes: Vec<CalendarDay>,
    /// Entries of the file that are neither a holiday nor a work day.
    pub left_out: Vec<LeftOut>,
}

/// A day that a calendar changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CalendarDay {
    /// The day.
    #[schema(value_type = String, format = Date)]
    pub date: NaiveDate,
    /// What it is or was: `holiday` or `work`.
    pub kind: String,
    /// Whether it is one now, or was one.
    pub comes: bool,
    /// How the file calls it; empty of a day that goes.
    pub name: String,
}

/// An entry of a calendar that is neither a holiday nor a work day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// Its line, counted from 1.
    pub line: usize,
    /// Its name.
    pub name: String,
}
