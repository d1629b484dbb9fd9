//! What a message says, in its recipient's language. Nothing personal is in it: no names of persons,
//! no temperatures, no notes; who wants to know more opens the page.

use gatepost_dashboard::view::AlertView;
use gatepost_model::{
    Site, SiteId,
    alert::{AlertKind, Severity},
    recipient::Language,
    site::Name,
};

use tracing::warn;

use super::template::{Template, Templates, Told};
use crate::{
    calendar::SiteZone,
    core::{
        paging::{Dispatch, MessageRow},
        state::State,
        trouble::HUB,
    },
};

/// The most alerts that a message names.
const NAMED: usize = 10;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What is the same when the same is sent again.
    pub id: String,
    /// One line.
    pub title: String,
    /// A line for each alert.
    pub body: String,
}

impl Text {
    /// Title and body in at most so many bytes, cut between two lines.
    pub(super) fn within(&self, bytes: usize) -> String {
        let mut text = self.title.clone();
        for line in self.body.lines() {
            if text.len() + 1 + line.len() > bytes {
                break;
            }
            text.push('\n');
            text.push_str(line);
        }
        text.truncate(text.floor_char_boundary(bytes));
        text
    }
}

/// The text of what goes out at once, in the channel's own words where it has some.
pub fn text_of(state: &State, dispatch: &Dispatch, templates: &Templates) -> Text {
    let language = dispatch
        .messages
        .first()
        .map_or(Language::Chinese, |it| it.language);
    let words = Words { language };
    let mut lines: Vec<String> = dispatch
        .messages
        .iter()
        .take(NAMED)
        .map(|message| line(state, message, words, templates.of(language)))
        .collect();
    let others = dispatch.messages.len().saturating_sub(NAMED);
    if others > 0 {
        lines.push(words.others(others));
    }
    if dispatch.repeated {
        lines.push(words.repeated().to_owned());
    }
    let title = match (&dispatch.messages[..], lines.first()) {
        ([_], Some(line)) => format!("Gatepost: {line}"),
        (many, _) => format!("Gatepost: {}", words.many(many.len())),
    };
    let first = dispatch.messages.iter().map(|message| message.id).min();
    Text {
        id: format!("{}-{}", first.unwrap_or(0), dispatch.messages.len()),
        title,
        body: lines.join("\n"),
    }
}

fn line(state: &State, message: &MessageRow, words: Words, template: Option<&Template>) -> String {
    let site = state.sites.get(&message.site).map(|it| &it.site);
    let name = site.map_or_else(
        || words.place(&message.site),
        |site| words.name(&site.name).to_owned(),
    );
    let Some(alert) = message.alert.and_then(|id| state.alerts.get(id)) else {
        return words.test(&name);
    };
    let told = Told {
        severity: words.severity(message.severity).to_owned(),
        site: name,
        what: words.kind(alert.kind).to_owned(),
        place: about(alert),
        at: site.map(|site| local(site, alert)).unwrap_or_default(),
        escalated: alert.history.iter().any(|entry| entry.what == "escalated"),
        number: alert.id,
    };
    let own = template.and_then(|template| {
        // Whoever is to be told is told, in other words.
        let said = template.line(&told).inspect_err(|error| {
            warn!(error = error.to_string(), "a channel's template");
        });
        said.ok()
    });
    own.unwrap_or_else(|| words.alert(&told))
}

/// Where on the site.
fn about(alert: &AlertView) -> String {
    let subject = &alert.subject;
    let parts = [
        subject.zone.map(|it| it.to_string()),
        subject.lane.as_ref().map(ToString::to_string),
        subject.unit.as_ref().map(ToString::to_string),
        subject.sensor.as_ref().map(ToString::to_string),
        // A channel, or a part of the hub.
        subject.id.clone().filter(|_| {
            matches!(
                alert.kind,
                AlertKind::DeliveryFailed | AlertKind::HubTrouble
            )
        }),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(", ")
}

/// When, in the site's local time.
fn local(site: &Site, alert: &AlertView) -> String {
    let zone = SiteZone::parse(&site.time_zone).unwrap_or(SiteZone::UTC);
    zone.show(alert.happened_at)
}

#[derive(Debug, Clone, Copy)]
struct Words {
    language: Language,
}

impl Words {
    fn is_zh(self) -> bool {
        self.language == Language::Chinese
    }

    fn of(self, zh: &'static str, en: &'static str) -> &'static str {
        if self.is_zh() { zh } else { en }
    }

    /// If one language is missing the other stands in.
    fn name(self, name: &Name) -> &str {
        let (own, other) = if self.is_zh() {
            (&name.zh, &name.en)
        } else {
            (&name.en, &name.zh)
        };
        if own.is_empty() { other } else { own }
    }

    /// A site of which nothing else is known, or the hub itself.
    fn place(self, id: &SiteId) -> String {
        match id.as_str() {
            HUB => self.of("中心", "Hub").to_owned(),
            other => other.to_owned(),
        }
    }

    fn severity(self, severity: Severity) -> &'static str {
        match severity {
            Severity::Critical => self.of("紧急", "critical"),
            Severity::Major => self.of("重要", "major"),
            Severity::Minor => self.of("提示", "minor"),
        }
    }

    fn kind(self, kind: AlertKind) -> &'static str {
        match kind {
            AlertKind::FeverSuspected => {
                self.of("体温异常·待复测", "suspected fever, measure again")
            }
            AlertKind::MissedRound => self.of("漏消毒", "missed disinfection round"),
            AlertKind::ShortRound => self.of("消毒不足", "short disinfection round"),
            AlertKind::Capacity => self.of("在场人数超过上限", "more people inside than allowed"),
            AlertKind::UnitOffline => self.of("设备离线", "unit offline"),
            AlertKind::SiteLinkLost => self.of("场所失联", "site link lost"),
            AlertKind::SensorFault => self.of("传感器故障", "sensor fault"),
            AlertKind::ClockDisputed => self.of("设备时钟不符", "unit clock wrong"),
            AlertKind::Quarantine => self.of("数据无法入库", "data set aside"),
            AlertKind::Loss => self.of("记录丢失", "events lost"),
            AlertKind::Fork => self.of("记录矛盾", "log contradicts the record"),
            AlertKind::DeliveryFailed => self.of("消息未送达", "messages not delivered"),
            AlertKind::Certificate => self.of("证书即将到期", "certificate near its end"),
            AlertKind::HubTrouble => self.of("中心故障", "trouble of the hub itself"),
        }
    }

    /// An alert, where the channel has no words of its own for it.
    fn alert(self, told: &Told) -> String {
        let mut line = format!("[{}] {}: {}", told.severity, told.site, told.what);
        if !told.place.is_empty() {
            line.push_str(&format!(" ({})", told.place));
        }
        if !told.at.is_empty() {
            line.push_str(&format!(", {}", told.at));
        }
        if told.escalated {
            line.push_str(self.of("，已升级", ", escalated"));
        }
        line
    }

    fn many(self, n: usize) -> String {
        match self.language {
            Language::Chinese => format!("{n} 条告警"),
            Language::English => format!("{n} alerts"),
        }
    }

    fn others(self, n: usize) -> String {
        match self.language {
            Language::Chinese => format!("另有 {n} 条，请在页面查看"),
            Language::English => format!("and {n} more, see the page"),
        }
    }

    fn test(self, site: &str) -> String {
        match self.language {
            Language::Chinese => format!("{site}: 测试消息，无需处理"),
            Language::English => format!("{site}: a test message, nothing to do"),
        }
    }

    fn repeated(self) -> &'static str {
        self.of(
            "（重发：可能已收到过）",
            "(sent again: it may have arrived before)",
        )
    }
}
