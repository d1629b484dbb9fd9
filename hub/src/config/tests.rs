use super::*;
use crate::store::influx::Retention;

fn parse(text: &str) -> Result<Config, Mistakes> {
    Config::parse(text, Path::new("/etc/gatepost"))
}

#[test]
fn the_template_is_right_and_means_the_defaults() {
    let config = parse(TEMPLATE).unwrap();
    assert_eq!(config, parse("[hub]\ndata = \"data\"\n").unwrap());
    assert_eq!(config.data, Path::new("/etc/gatepost/data"));
    assert_eq!(config.timers.delta, Duration::from_millis(250));
    // What the template shows commented out is right as well.
    let all: String = TEMPLATE
        .lines()
        .filter(|line| !line.contains("kind = ") && !line.contains("listen = \"127.0.0.1:1883"))
        .map(|line| match line.strip_prefix("# ") {
            Some(key) if key.contains(" = ") => format!("{key}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let all = all.replace("[broker]", "[broker]\nkind = \"external\"");
    let all = all.replace("[store]", "[store]\nkind = \"influx\"");
    let config = parse(&all).unwrap();
    assert_eq!(
        config.broker.kind,
        BrokerKind::External {
            host: "broker.example".to_owned(),
            port: 1883
        }
    );
    assert_eq!(config.http.token.as_deref(), Some("at least 16 characters"));
    let Store::Influx(influx) = config.store else {
        panic!("{:?}", config.store);
    };
    assert_eq!(
        influx.place.token_file,
        Path::new("/etc/gatepost/influx.token")
    );
    assert_eq!(influx.retention, Some(Retention::Days(400)));
    assert_eq!(influx.journal_max, 2_000_000_000);
}

#[test]
fn all_mistakes_are_told_at_once_with_line_and_cure() {
    let mistakes = parse(
        r#"[hub]
dat = "x"
[http]
listen = "0.0.0.0:80"
[broker]
kind = "embedded"
listen = "192.168.1.5:1883"
client_id = 7
[store]
kind = "influx"
url = "ftp://x"
bucket = "${x}"
retention = "soon"
[timers]
tick_ms = 5
canary_s = "often"
[more]
x = 1
"#,
    )
    .unwrap_err();
    let lines: Vec<usize> = mistakes.iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [1, 2, 4, 7, 8, 9, 9, 11, 12, 13, 15, 16, 17]);
    assert!(mistakes.iter().all(|mistake| !mistake.cure.is_empty()));
    let text = mistakes.to_string();
    for part in ["no token", "embedded broker", "10 to 60000", "`more`"] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn an_open_address_needs_a_token_that_is_none_to_guess() {
    let open = |token: &str| {
        parse(&format!(
            "[hub]\ndata = \"d\"\n[http]\nlisten = \"0.0.0.0:8080\"\ntoken = \"{token}\"\n"
        ))
    };
    assert!(open("0123456789abcdef").is_ok());
    assert!(open("short").is_err());
    assert!(parse("[hub\n").is_err());
    assert!(parse("hub = 3\n").is_err());
}

#[test]
fn a_template_that_would_fail_is_refused_with_its_line() {
    let text = |line: &str| {
        format!(
            "[hub]\ndata = \"d\"\n[[channel]]\nname = \"desk\"\nkind = \"webhook\"\n\
             url = \"https://example.org/\"\nline.zh = \"{{{{ what }}}}\"\n{line}\n"
        )
    };
    let config = parse(&text("line.en = \"{{ what }} at {{ site }}\"")).unwrap();
    let templates = &config.channels[0].templates;
    assert!(templates.zh.is_some() && templates.en.is_some());
    for (line, says) in [
        ("line.en = \"{{ person }}\"", "`en`: `person` is not known"),
        ("line.en = \"{{ what\"", "the template `en`"),
        ("line.fr = \"x\"", "[line] has no key `fr`"),
    ] {
        let mistakes = parse(&text(line)).unwrap_err();
        let mistake = mistakes.iter().next().unwrap();
        assert!(mistake.what.contains(says), "{mistakes}");
        assert_eq!(mistake.line, 8, "{mistakes}");
    }
}
