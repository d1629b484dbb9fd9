//! Sites as TOML: one site a file, or a list of `[[site]]`.

use std::collections::BTreeSet;

use gatepost_model::{Site, plan::Window, recipient::Recipient, site::MOST_COUNT_ERROR};
use serde::{Deserialize, Serialize};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use crate::{calendar::SiteZone, config::Mistakes, core::trouble::HUB};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Many {
    site: Vec<Spanned<Site>>,
}

/// Reads sites, or says everything that is wrong with them.
pub fn parse(text: &str) -> Result<Vec<Site>, Mistakes> {
    let mut mistakes = Mistakes::of(text);
    let (text, is_list) = with_dates_in_quotes(text);
    let read = if is_list {
        toml::from_str::<Many>(&text).map(|many| many.site)
    } else {
        toml::from_str::<Site>(&text).map(|site| vec![Spanned::new(0..0, site)])
    };
    let sites = match read {
        Ok(sites) => sites,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            mistakes.add(at, error.message(), "correct it, and see `site export`");
            return Err(mistakes);
        }
    };
    let mut ids = BTreeSet::new();
    for spanned in &sites {
        let (at, site) = (spanned.span().start, spanned.get_ref());
        if site.id.as_str() == HUB {
            let what = format!("no site can be called `{HUB}`: alerts of the hub itself are there");
            mistakes.add(at, what, "give it another id");
        }
        if !ids.insert(&site.id) {
            let what = format!("site `{}` is there twice", site.id);
            mistakes.add(at, what, "keep one of them");
        }
        check(site, at, &mut mistakes);
    }
    if mistakes.is_empty() {
        Ok(sites.into_iter().map(Spanned::into_inner).collect())
    } else {
        Err(mistakes)
    }
}

/// A site as a file of its own.
pub fn one(site: &Site) -> Result<String, toml::ser::Error> {
    toml::to_string(site)
}

/// Sites as a list.
pub fn many(sites: &[Site]) -> Result<String, toml::ser::Error> {
    #[derive(Serialize)]
    struct List<'s> {
        site: &'s [Site],
    }
    toml::to_string(&List { site: sites })
}

/// `plan_from = 2026-11-01` is how TOML writes a date, and a text is what a site reads: the same file
/// with quotes around it, every line where it was. Also tells whether it is a list of sites.
fn with_dates_in_quotes(text: &str) -> (String, bool) {
    let (root, _) = DeTable::parse_recoverable(text);
    let list = root.get_ref().get("site").map(Spanned::get_ref);
    let listed = list.and_then(DeValue::as_array).into_iter().flatten();
    let tables = listed.filter_map(|site| site.get_ref().as_table());
    let mut dates = Vec::new();
    for site in tables.chain([root.get_ref()]) {
        let values = DATES.iter().filter_map(|key| site.get(*key));
        let pauses = site.get("pause").and_then(|it| it.get_ref().as_array());
        let pauses = pauses.into_iter().flatten();
        let bounds = pauses
            .filter_map(|pause| pause.get_ref().as_table())
            .flat_map(|pause| ["from", "to"].map(|key| pause.get(key)))
            .flatten();
        for value in values.chain(bounds) {
            let listed = value.get_ref().as_array().into_iter().flatten();
            let all = listed.chain([value]);
            let is_date = |it: &&Spanned<DeValue<'_>>| matches!(it.get_ref(), DeValue::Datetime(_));
            dates.extend(all.filter(is_date).map(Spanned::span));
        }
    }
    dates.sort_by_key(|span| span.start);
    let mut quoted = text.to_owned();
    for span in dates.into_iter().rev() {
        quoted.insert(span.end, '"');
        quoted.insert(span.start, '"');
    }
    (quoted, list.is_some())
}

/// Settings of a site that are dates, or lists of them.
const DATES: [&str; 4] = ["plan_from", "plan_holds_from", "holidays", "work_days"];

/// What the types alone do not say.
fn check(site: &Site, at: usize, mistakes: &mut Mistakes) {
    let id = &site.id;
    if SiteZone::parse(&site.time_zone).is_err() {
        let what = format!("`time_zone` of site `{id}` is `{}`", site.time_zone);
        mistakes.add(at, what, "write an IANA name like \"Asia/Shanghai\"");
    }
    if !(0.0..=MOST_COUNT_ERROR).contains(&site.count_error) {
        let what = format!("`count_error` of site `{id}` is {}", site.count_error);
        let cure = format!("write the share of people who are miscounted, 0 to {MOST_COUNT_ERROR}");
        mistakes.add(at, what, cure);
    }
    let mut lanes = BTreeSet::new();
    for lane in &site.lanes {
        if !lanes.insert(&lane.id) {
            let what = format!("lane `{}` of site `{id}` is there twice", lane.id);
            mistakes.add(at, what, "give each lane a name of its own");
        }
    }
    for name in twice(&site.recipients) {
        let what = format!("the recipient `{name}` of site `{id}` is there twice");
        mistakes.add(at, what, NAMED_TWICE);
    }
    for (class, keep) in site.retention.classes() {
        if !keep.is_ordered() {
            let what = format!(
                "`retention.{class}` of site `{id}` keeps raw for {}, hourly for {}, daily for {}",
                keep.raw, keep.hourly, keep.daily
            );
            let cure = "keep hours at least as long as single events, and days as long as hours";
            mistakes.add(at, what, cure);
        }
    }
    for (zone, settings) in &site.zones {
        if !(settings.min_litres > 0.0 && settings.min_litres.is_finite()) {
            let what = format!("`min_litres` of zone `{zone}` of site `{id}` is not above 0");
            mistakes.add(at, what, "write litres like 1.0");
        }
        let is_odd = |number: f64| !(number.is_finite() && (0.0..=1e9).contains(&number));
        let optional = [settings.area_m2, settings.ml_per_m2];
        let numbers = optional.into_iter().flatten().chain([settings.min_minutes]);
        if numbers.into_iter().any(is_odd) {
            let what = format!("a number of zone `{zone}` of site `{id}` is below 0");
            mistakes.add(at, what, "write minutes, square metres or millilitres");
        }
        if settings.area_m2.is_some() != settings.ml_per_m2.is_some() {
            let what = format!("zone `{zone}` of site `{id}` has one of `area_m2` and `ml_per_m2`");
            mistakes.add(at, what, "write both, or none");
        }
        let same = |(n, window): (usize, &Window)| {
            let others = settings.windows[..n].iter();
            others
                .filter(|other| other.start == window.start && other.on == window.on)
                .count()
        };
        if settings.windows.iter().enumerate().map(same).sum::<usize>() > 0 {
            let what = format!("zone `{zone}` of site `{id}` has two windows that begin together");
            mistakes.add(at, what, "give each window a time of its own");
        }
    }
}

/// Names that several recipients have: only one of them would be told.
pub(crate) fn twice(recipients: &[Recipient]) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    let all = recipients.iter().map(|it| it.name.as_str());
    all.filter(|name| !names.insert(*name)).collect()
}

/// The cure.
pub(crate) const NAMED_TWICE: &str = "give each recipient a name of its own";

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: &str = r#"
        id = "binjiang"
        time_zone = "Asia/Shanghai"
        plan_from = 2026-11-01
        holidays = [2027-01-01, "2027-02-16"]
        units = ["gate-1"]
        name = { zh = "滨江", en = "Riverside" }

        [[lane]]
        id = "people"
        kind = "people"

        [[pause]]
        from = 2026-12-01
        to = 2026-12-03
        reason = "frost"

        [[off]]
        start = "22:00"
        end = "05:30"
        on = "work_days"

        [zone.isolation]
        used = false

        [retention.telemetry]
        raw = 30
        hourly = 400
    "#;

    #[test]
    fn sites_come_back_as_they_were_written() {
        let sites = parse(SITE).unwrap();
        assert_eq!(parse(&one(&sites[0]).unwrap()).unwrap(), sites);
        let mut other = sites[0].clone();
        other.id = "other".parse().unwrap();
        let two = [sites[0].clone(), other];
        assert_eq!(parse(&many(&two).unwrap()).unwrap(), two);
        assert_eq!(parse(&many(&[]).unwrap()).unwrap(), []);
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let wrong = SITE
            .replace("Asia/Shanghai", "Asia/Shanghai2")
            .replace("used = false", "min_litres = 0.0")
            .replace("hourly = 400", "hourly = 7")
            .replace("units =", "count_error = 2.0\n        units =");
        let guard = "[[recipient]]\nname = \"guard\"\nchannel = \"mail\"\n";
        let wrong = format!("{wrong}\n{guard}{guard}");
        let mistakes = parse(&wrong).unwrap_err();
        assert_eq!(mistakes.iter().count(), 5, "{mistakes}");
        let unknown = SITE.replace("kind =", "sort =");
        let mistakes = parse(&unknown).unwrap_err();
        assert_eq!(mistakes.iter().next().unwrap().line, 11, "{mistakes}");
    }
}
