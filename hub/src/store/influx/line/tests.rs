use influxdb_line_protocol::{FieldValue, ParsedLine, parse_lines};
use proptest::prelude::*;
use serde_json::json;

use super::{super::words::decode, *};
use crate::store::contract;

fn written(event: &StoredEvent) -> String {
    let mut out = String::new();
    write(&mut out, event, false).unwrap();
    out
}

/// A line read by the official parser: measurement, tags, fields, time. There must be exactly one.
fn read(text: &str) -> ParsedLine<'_> {
    let mut lines = parse_lines(text);
    let line = lines.next().unwrap().unwrap();
    assert!(lines.next().is_none(), "{text}");
    line
}

fn tags(line: &ParsedLine<'_>) -> Vec<(String, String)> {
    let tags = line.series.tag_set.iter().flatten();
    tags.map(|(key, value)| (key.to_string(), value.to_string()))
        .collect()
}

fn field<'l>(line: &'l ParsedLine<'_>, name: &str) -> Option<&'l FieldValue<'l>> {
    let mut fields = line.field_set.iter();
    fields
        .find(|(key, _)| key.as_str() == name)
        .map(|(_, value)| value)
}

fn text_of(line: &ParsedLine<'_>, name: &str) -> String {
    match field(line, name) {
        Some(FieldValue::String(text)) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn lines_are_what_they_say() {
    let passage = contract::passage(2042, 0, "people", "in");
    assert_eq!(
        written(&passage),
        "passage,dir=in,lane=people,log=log-1,site=binjiang,unit=gate-1 \
         seq=2042i,duration_ms=400i,record=\"boot-1 2 1795463997958000 12 0 1000000 line \
         {\\\"mono_us\\\":2042000,\\\"kind\\\":\\\"passage\\\",\\\"lane\\\":\\\"people\\\",\
         \\\"dir\\\":\\\"in\\\",\\\"duration_ms\\\":400}\" 1795464000000000042\n"
    );
    let reading = contract::reading(7, 1, "yard-env", 18.5);
    let text = written(&reading);
    let head = "reading,log=log-1,quantity=ambient_c,sensor=yard-env,site=binjiang,unit=gate-1,\
                zone=living seq=7i,value=18.5,value_e9=18500000000i,record=";
    assert!(text.starts_with(head), "{text}");
    let mut twin = String::new();
    write(&mut twin, &passage, true).unwrap();
    assert!(twin.contains(",site=binjiang,twin=2,unit="), "{twin}");
}

#[test]
fn types_stay_the_same_whatever_the_number() {
    let round = |litres: f64| {
        let fields = json!({"kind": "round", "zone": "living", "round": "r", "phase": "ended", "started_mono_us": 5, "litres": litres, "pump_s": 0.0, "points": ["a"], "evidence": "button"});
        written(&contract::event(1, 0, fields))
    };
    for text in [round(4.0), round(0.0), round(1e300), round(0.1)] {
        let line = read(&text);
        for name in ["litres", "pump_s", "value"] {
            assert!(
                matches!(field(&line, name), Some(FieldValue::F64(_))),
                "{text}"
            );
        }
        assert!(matches!(field(&line, "seq"), Some(FieldValue::I64(1))));
        assert_eq!(text_of(&line, "points"), r#"["a"]"#);
    }
    // What no decimal of nine places is has no billionths.
    assert!(!round(1e300).contains("value_e9"));
    let started = json!({"kind": "round", "zone": "living", "round": "r", "phase": "started", "started_mono_us": 5, "litres": 3.0, "pump_s": 0.0, "points": [], "evidence": "button"});
    let started = written(&contract::event(1, 0, started));
    assert!(!started.contains(",value="), "{started}");
}

#[test]
fn every_kind_has_its_place() {
    for event in contract::every_kind() {
        let text = written(&event);
        let line = read(&text);
        assert_eq!(&*line.series.measurement, measurement(event.kind()));
        let kind = tags(&line).into_iter().find(|(key, _)| key == "kind");
        let is_told = has_kinds(&line.series.measurement);
        assert_eq!(kind.is_some(), is_told, "{text}");
        if let Some((_, kind)) = kind {
            assert_eq!(decode(&kind).unwrap(), event.kind());
        }
    }
}

#[test]
fn a_test_is_no_passage() {
    let text = written(&contract::test(contract::passage(1, 0, "people", "in")));
    assert!(
        text.starts_with("other,dir=in,kind=passage,lane=people,"),
        "{text}"
    );
    assert!(text.contains(",test=true,"), "{text}");
    let reading = written(&contract::test(contract::reading(1, 0, "a", 5.0)));
    assert!(!reading.contains(",value"), "{reading}");
}

#[test]
fn what_cannot_be_held_is_told() {
    let mut event = contract::passage(1, 0, "people", "in");
    event.seq = u64::MAX;
    let mut out = String::new();
    assert_eq!(write(&mut out, &event, false), Err(Unfit::Sequence));
    event.seq = i64::MAX.cast_unsigned();
    write(&mut out, &event, false).unwrap();
    assert_eq!(read(&out).timestamp.unwrap() % 1000, 807);
}

proptest! {
    /// Whatever a unit sends: one line, with the texts that went in.
    #[test]
    fn no_text_breaks_out_of_its_line(
        quantity in any::<String>(),
        kind in any::<String>(),
        detail in any::<String>(),
        value in any::<f64>().prop_filter("JSON has no others", |value| value.is_finite()),
    ) {
        let reading = json!({"kind": "reading", "sensor": "a", "quantity": quantity, "value": value, "more": detail});
        let event = contract::event(1, 0, reading);
        let text = written(&event);
        let line = read(&text);
        prop_assert_eq!(&*line.series.measurement, "reading");
        let tags = tags(&line);
        let said = tags.iter().find(|(key, _)| key == "quantity").unwrap();
        prop_assert_eq!(decode(&said.1).unwrap(), quantity);
        let Some(FieldValue::F64(number)) = field(&line, "value") else {
            panic!("{text}");
        };
        prop_assert_eq!(number.to_bits(), event_value(&event).to_bits());

        let unknown = contract::event(2, 0, json!({"kind": format!("x{kind}"), "detail": detail}));
        let text = written(&unknown);
        let line = read(&text);
        let mut record = String::new();
        record::write(&mut record, &unknown);
        prop_assert_eq!(text_of(&line, "record"), record);

        let fault = json!({"kind": "fault", "sensor": "a", "code": "stuck", "detail": detail});
        let text = written(&contract::event(3, 0, fault));
        prop_assert_eq!(text_of(&read(&text), "detail"), detail);
    }
}

fn event_value(event: &StoredEvent) -> f64 {
    match event.happening() {
        Some(Happening::Reading(reading)) => reading.value,
        other => panic!("{other:?}"),
    }
}
