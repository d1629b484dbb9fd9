//! A channel's own words for an alert, as its site's people want to read them.

use std::fmt;

use gatepost_model::recipient::Language;
use minijinja::{Environment, UndefinedBehavior, value::Serde};
use serde::Serialize;

/// What a line tells of one alert. Nothing personal is in it, so that no template can send it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Told {
    /// The severity's word.
    pub(super) severity: String,
    /// The site's name.
    pub(super) site: String,
    /// What is wrong, in words.
    pub(super) what: String,
    /// Where on the site: zone, lane, unit, sensor; empty where it is the whole site.
    pub(super) place: String,
    /// When, in the site's local time; empty where no such site is known.
    pub(super) at: String,
    /// It became critical because nobody answered.
    pub(super) escalated: bool,
    /// The alert's number on the hub, as the page has it.
    pub(super) number: u64,
}

/// The names that a template may use.
const NAMES: [&str; 7] = [
    "severity",
    "site",
    "what",
    "place",
    "at",
    "escalated",
    "number",
];

/// A template of one line (Jinja).
#[derive(Clone)]
pub struct Template {
    source: String,
    environment: Environment<'static>,
}

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Its text is wrong, or it fails on an alert.
    #[error("{}", .0.detail().map_or_else(|| .0.to_string(), str::to_owned))]
    Jinja(#[from] minijinja::Error),
    /// It asks for something that no alert tells.
    #[error("`{0}` is not known: {names} are", names = NAMES.join(", "))]
    Unknown(String),
    /// It says nothing.
    #[error("nothing comes of it")]
    Empty,
}

/// The only template of its environment.
const LINE: &str = "line";

impl Template {
    /// Reads one, and tries it.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_template_owned(LINE, source.to_owned())?;
        let asked = environment.get_template(LINE)?.undeclared_variables(false);
        let unknown = asked.into_iter().find(|it| !NAMES.contains(&it.as_str()));
        if let Some(unknown) = unknown {
            return Err(TemplateError::Unknown(unknown));
        }
        let template = Self {
            source: source.to_owned(),
            environment,
        };
        let word = || "a".to_owned();
        let example = Told {
            severity: word(),
            site: word(),
            what: word(),
            place: String::new(),
            at: String::new(),
            escalated: false,
            number: 1,
        };
        let further = Told {
            place: word(),
            at: word(),
            escalated: true,
            ..example.clone()
        };
        template.line(&example)?;
        template.line(&further)?;
        Ok(template)
    }

    /// One line of an alert.
    pub(super) fn line(&self, told: &Told) -> Result<String, TemplateError> {
        let text = self.environment.get_template(LINE)?.render(Serde(told))?;
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() {
            return Err(TemplateError::Empty);
        }
        Ok(words.join(" "))
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Template").field(&self.source).finish()
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Template {}

/// A channel's templates by language; the hub's own words where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Templates {
    /// Chinese.
    pub zh: Option<Template>,
    /// English.
    pub en: Option<Template>,
}

impl Templates {
    pub(super) fn of(&self, language: Language) -> Option<&Template> {
        match language {
            Language::Chinese => self.zh.as_ref(),
            Language::English => self.en.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Told {
        Told {
            severity: "major".to_owned(),
            site: "Riverside".to_owned(),
            what: "unit offline".to_owned(),
            place: "gate-1".to_owned(),
            at: "2026-11-23 15:31".to_owned(),
            escalated: false,
            number: 7,
        }
    }

    #[test]
    fn a_template_says_an_alert_in_one_line() {
        let source = "#{{ number }} {{ site|upper }}\n{% if place %} ({{ place }}){% endif %}:  {{ what }}\
                      {% if escalated %}!{% endif %}";
        let template = Template::parse(source).unwrap();
        let line = template.line(&told()).unwrap();
        assert_eq!(line, "#7 RIVERSIDE (gate-1): unit offline");
        let escalated = Told {
            place: String::new(),
            escalated: true,
            ..told()
        };
        let line = template.line(&escalated).unwrap();
        assert_eq!(line, "#7 RIVERSIDE : unit offline!");
    }

    #[test]
    fn the_names_are_what_a_line_tells() {
        let told = serde_json::to_value(told()).unwrap();
        let names: Vec<&str> = told
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(names, NAMES);
    }

    #[test]
    fn a_template_that_would_fail_on_an_alert_is_refused_at_once() {
        for (source, says) in [
            ("{{ wat }}", "`wat` is not known: severity, site,"),
            ("{% if false %}{{ person }}{% endif %}x", "`person`"),
            ("{{ what", "unexpected end"),
            ("{{ what|nonsense }}", "nonsense"),
            (
                "{% if escalated %}{{ what }}{% endif %}",
                "nothing comes of it",
            ),
            ("{{ number / place }}", "/"),
        ] {
            let error = Template::parse(source).unwrap_err().to_string();
            assert!(error.contains(says), "{source}: {error}");
        }
    }
}
