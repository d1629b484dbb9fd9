//! What a real InfluxDB answers to writes and questions of all kinds, word by word: what the client and the
//! forwarder rely on. Where another version answers otherwise, it is told here first.

use std::{collections::BTreeMap, io::Write as _, thread, time::Duration};

use flate2::{Compression, write::GzEncoder};
use influxd::{Influxd, ORG, TOKEN};

use super::*;

const AT: u64 = 1_795_487_028_000_000_000;

/// A request, as raw as it can be.
struct Raw<'a> {
    server: &'a Influxd,
    bucket: String,
}

type Said = (u16, String);

/// Path, headers, and what is answered.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], (u16, &'a str));

impl<'a> Raw<'a> {
    fn new(server: &'a Influxd, bucket: &str) -> Self {
        Self {
            server,
            bucket: bucket.replace(' ', "%20"),
        }
    }

    fn ask(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Said {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .new_agent();
        let mut request = agent.post(format!("{}{path}", self.server.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut said = request.send(body).unwrap();
        let status = said.status().as_u16();
        let text = said.body_mut().with_config().lossy_utf8(true);
        (status, text.read_to_string().unwrap())
    }

    fn path(&self) -> String {
        format!(
            "/api/v2/write?org={ORG}&bucket={}&precision=ns",
            self.bucket
        )
    }

    fn with(&self, headers: &[(&str, &str)], body: &[u8]) -> Said {
        let token = format!("Token {TOKEN}");
        let mut all = vec![("Authorization", &*token)];
        all.extend(headers);
        self.ask(&self.path(), &all, body)
    }

    fn write(&self, lines: &str) -> Said {
        self.with(&[], lines.as_bytes())
    }

    fn question(&self, flux: &str) -> Said {
        let token = format!("Token {TOKEN}");
        let headers = [
            ("Authorization", &*token),
            ("Content-Type", "application/vnd.flux"),
            ("Accept", "application/csv"),
        ];
        self.ask(
            &format!("/api/v2/query?org={ORG}"),
            &headers,
            flux.as_bytes(),
        )
    }

    /// Points of each field.
    fn stored(&self, measurement: &str) -> BTreeMap<String, u64> {
        let bucket = self.bucket.replace("%20", " ");
        let (status, said) = self.question(&format!(
            "from(bucket: \"{bucket}\") |> range(start: 1970-01-01T00:00:00Z, stop: 2200-01-01T00:00:00Z)
             |> filter(fn: (r) => r._measurement == \"{measurement}\")
             |> count() |> group(columns: [\"_field\"]) |> sum()"
        ));
        assert_eq!(status, 200, "{said}");
        let mut found = BTreeMap::new();
        table::rows(&said, |row| {
            found.insert(row.need("_field")?.to_owned(), row.number("_value")?);
            Ok(())
        })
        .unwrap();
        found
    }

    /// A write is answered with a status and words, and so much of a measurement is there then.
    fn says(&self, lines: &str, (status, words): (u16, &str), stored: (&str, &[(&str, u64)])) {
        let (said, body) = self.write(lines);
        let shown = &lines[..lines.len().min(80)];
        assert!(
            said == status && body.contains(words),
            "{shown}: {said} {body}"
        );
        if status == 204 {
            assert_eq!(body, "");
        }
        let wanted = stored.1.iter().map(|(field, n)| ((*field).to_owned(), *n));
        let wanted: BTreeMap<String, u64> = wanted.collect();
        assert_eq!(self.stored(stored.0), wanted, "{shown}");
    }
}

/// 5,000 lines, some of them other ones.
fn lines(measurement: &str, others: &[(usize, &str)]) -> String {
    let line = |n: usize| {
        let other = others.iter().find(|(at, _)| *at == n);
        let fields = other.map_or("value=1.5,seq=1i", |(_, fields)| fields);
        format!(
            "{measurement},site=s{:03} {fields} {}\n",
            n % 10,
            AT + n as u64
        )
    };
    (0..5000).map(line).collect()
}

const NONE: &[(&str, u64)] = &[];

fn packed(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

/// A wrong type is left out alone: one reason, one number, never the lines. Types are those of a shard.
#[test]
fn of_wrong_types() {
    let Some(server) = server() else { return };
    let client = server.client();
    let raw = Raw::new(server, &client.place().bucket);
    let all: &[(&str, u64)] = &[("seq", 5000), ("value", 5000)];
    let conflict = (
        422,
        "partial write: field type conflict: input field \\\"value\\\" on measurement",
    );
    for measurement in ["c1", "c1b", "c1c"] {
        raw.says(&lines(measurement, &[]), (204, ""), (measurement, all));
    }
    // The wrong ones are sent for points that are there: those stay.
    raw.says(
        &lines("c1", &[(2500, "value=\"x\"")]),
        conflict,
        ("c1", all),
    );
    raw.says(&lines("c1b", &[(2500, "value=7i")]), conflict, ("c1b", all));
    let three = [(3, "value=7i"), (4, "value=\"x\""), (5, "seq=1.5")];
    let (status, said) = raw.write(&lines("c1c", &three));
    assert!(status == 422 && said.contains("dropped=3"), "{said}");
    assert_eq!(said.matches("field type conflict").count(), 1, "{said}");
    // In a new measurement the first line has the say.
    let fresh: &[(&str, u64)] = &[("seq", 4999), ("value", 4999)];
    raw.says(
        &lines("c2", &[(2500, "value=\"x\"")]),
        conflict,
        ("c2", fresh),
    );
    let (status, said) = raw.write(&lines("c2f", &[(0, "value=\"x\"")]));
    assert!(status == 422 && said.contains("dropped=4999"), "{said}");
    assert_eq!(raw.stored("c2f"), BTreeMap::from([("value".to_owned(), 1)]));
    raw.says(
        &format!("c2g value=1,value=1i {AT}\n"),
        conflict,
        ("c2g", NONE),
    );
    // The same again is refused again; put right, it is stored, and nothing is there twice.
    raw.says(&lines("p1", &[(9, "value=\"x\"")]), conflict, ("p1", fresh));
    raw.says(&lines("p1", &[(9, "value=\"x\"")]), conflict, ("p1", fresh));
    raw.says(&lines("p1", &[]), (204, ""), ("p1", all));
    let one: &[(&str, u64)] = &[("seq", 1), ("value", 1)];
    raw.says(&format!("p2 value=1,seq=1i {AT}\n"), (204, ""), ("p2", one));
    let (status, said) = raw.write(&format!("p2 value=1,seq=1.5 {}\n", AT + 1));
    assert!(
        status == 422 && said.contains("is type float, already exists as type integer dropped=1")
    );
    assert_eq!(raw.stored("p2").get("seq"), Some(&1));
    // A field `time` is taken out of its point.
    raw.says(
        &format!("m11 time=1,v=2 {AT}\n"),
        (422, "invalid field name"),
        ("m11", &[("v", 1)]),
    );
    // A week later the type may be another one; who asks for both gets the first.
    const WEEK: u64 = 7 * 86_400 * 1_000_000_000;
    assert_eq!(raw.write(&format!("s value=1 {AT}\n")).0, 204);
    assert_eq!(
        raw.write(&format!("s value=\"x\" {}\n", AT + 4 * WEEK)).0,
        204
    );
    assert_eq!(raw.stored("s"), BTreeMap::from([("value".to_owned(), 1)]));
    // Refused ones are counted of one shard; what is good in others may take a moment.
    let mut mixed = String::new();
    for (shard, wrong) in [(0, 2), (4, 3), (8, 0)] {
        let at = AT + shard * WEEK;
        assert_eq!(raw.write(&format!("s2 value=1 {at}\n")).0, 204);
        for n in 1..=2 {
            mixed += &format!("s2 value=1 {}\n", at + n);
        }
        for n in 0..wrong {
            mixed += &format!("s2 value=\"x\" {}\n", at + 10 + n);
        }
    }
    let (status, said) = raw.write(&mixed);
    let is_of_one = said.contains("dropped=2") || said.contains("dropped=3");
    assert!(status == 422 && is_of_one, "{said}");
    let wanted = BTreeMap::from([("value".to_owned(), 9)]);
    let mut found = raw.stored("s2");
    for _ in 0..100 {
        if found == wanted {
            break;
        }
        thread::park_timeout(Duration::from_millis(100));
        found = raw.stored("s2");
    }
    assert_eq!(found, wanted);
}

/// One line that cannot be read, and nothing of the request is stored.
#[test]
fn of_lines_that_cannot_be_read() {
    let Some(server) = server() else { return };
    let client = server.client();
    let raw = Raw::new(server, &client.place().bucket);
    let long = format!("m18,t={} v=2 {AT}", "x".repeat(70_000));
    let bad = "p3 bad\n".repeat(200);
    let cases: [(&str, &str, &str); 18] = [
        (
            "m1,site=s000 value=1 1\nm1,site=s000 garbage\n",
            "unable to parse 'm1,site=s000 garbage': invalid field format",
            "m1",
        ),
        ("m2 value= 1\n", "missing field value", "m2"),
        ("m3 value=1.0 12ab\n", "bad timestamp", "m3"),
        (
            "m4\nm4, value=1\nm4 value=abc 1\nm4 value=1 1\n",
            "missing fields\\nunable to parse 'm4, value=1': missing tag key\\nunable to parse 'm4 value=abc 1': invalid boolean",
            "m4",
        ),
        (
            "m6,site=a value=29.5 1\nm6,site=a value=29.5,se",
            "invalid field format",
            "m6",
        ),
        ("m8 value=NaN 1\n", "invalid number", "m8"),
        (
            "m9 value=9223372036854775808i 1\n",
            "value out of range",
            "m9",
        ),
        (
            "m10 value=1 9223372036854775807\n",
            "time outside range -9223372036854775806 - 9223372036854775806",
            "m10",
        ),
        (
            "m12,time=1 v=2 1\n",
            "cannot use reserved tag key \\\"time\\\"",
            "m12",
        ),
        (
            "m13,_field=1 v=2 1\n",
            "cannot use reserved tag key \\\"_field\\\"",
            "m13",
        ),
        ("m15,a=1,a=2 v=2 1\n", "duplicate tags", "m15"),
        ("m16,a= v=2 1\n", "missing tag value", "m16"),
        (&long, "max key length exceeded", "m18"),
        ("p5,site=a b v=1 1\n", "invalid field format", "p5"),
        (
            "p6,site=a v=1 1\r\np6,site=b v=1 1\r\n",
            "bad timestamp",
            "p6",
        ),
        (
            &bad,
            "unable to parse 'p3 bad': invalid field format\\nunable to parse 'p3 bad'",
            "p3",
        ),
        ("m1,site=s000 garbage\n", "invalid field format", "m1"),
        ("m8 value=Inf 1\n", "invalid boolean", "m8"),
    ];
    for (text, words, measurement) in cases {
        raw.says(text, (400, words), (measurement, NONE));
    }
    // Of both kinds of refusal this one is told, and nothing is stored.
    let one: &[(&str, u64)] = &[("value", 1)];
    raw.says(&format!("m5 value=1 {AT}\n"), (204, ""), ("m5", one));
    raw.says(
        "m5 value=\"x\" 5\nm5 value=1 6\nm5 garbage\n",
        (400, "unable to parse"),
        ("m5", one),
    );
}

/// What is taken.
#[test]
fn of_what_is_taken() {
    let Some(server) = server() else { return };
    let client = server.client();
    let raw = Raw::new(server, &client.place().bucket);
    raw.says(
        &format!("# of\n\nm7 value=1 {AT}\n"),
        (204, ""),
        ("m7", &[("value", 1)]),
    );
    assert_eq!(raw.write("# only this\n"), (204, String::new()));
    assert_eq!(raw.write(""), (204, String::new()));
    assert_eq!(raw.with(&[], b"m14 v=\"\xff\xfe\" 5\n").0, 204);
    assert_eq!(raw.stored("m14"), BTreeMap::from([("v".to_owned(), 1)]));
    let long = format!("m17 v=\"{}\" {AT}\n", "x".repeat(70_000));
    raw.says(&long, (204, ""), ("m17", &[("v", 1)]));
    raw.says(
        &format!("p4,site=a\\,b\\ c\\=d v=1 {AT}\n"),
        (204, ""),
        ("p4", &[("v", 1)]),
    );
    let far = 4_102_444_800_000_000_000_u64;
    raw.says(
        &format!("r4 value=1 {far}\n"),
        (204, ""),
        ("r4", &[("value", 1)]),
    );
    let large = format!("{}m19 value=1 {AT}\n", "# nothing\n".repeat(5_000_000));
    raw.says(&large, (204, ""), ("m19", &[("value", 1)]));

    // Packed: cut or no such thing, it is a 500 that never gets better.
    let gzip = [("Content-Encoding", "gzip")];
    let whole = packed(&lines("g1", &[]));
    assert_eq!(raw.with(&gzip, &whole).0, 204);
    assert_eq!(raw.stored("g1").get("value"), Some(&5000));
    let (status, said) = raw.with(&gzip, &packed(&lines("g2", &[]))[..whole.len() / 2]);
    assert!(
        status == 500 && said.contains("unexpected EOF"),
        "{status} {said}"
    );
    let (status, said) = raw.with(&gzip, b"g3 value=1 5\n");
    assert!(
        status == 500 && said.contains("internal error"),
        "{status} {said}"
    );
    assert!(raw.stored("g2").is_empty() && raw.stored("g3").is_empty());
}

/// Older than the bucket keeps: left out alone, and a wrong type is told before it.
#[test]
fn of_what_is_too_old() {
    let Some(server) = server() else { return };
    let client = server.client();
    client.set_up(Some(Retention::Days(1))).unwrap();
    let raw = Raw::new(server, &client.place().bucket);
    let now = Clock.now().micros() as u64 * 1000;
    let old = 1_700_000_000_000_000_000_u64;
    let outside = (
        422,
        "dropped 1 points outside retention policy of duration 24h0m0s",
    );
    raw.says(&format!("r1 value=1 {old}\n"), outside, ("r1", NONE));
    let mixed: String = (0..5000)
        .map(|n| format!("r2 value=1 {}\n", if n % 50 == 0 { old } else { now } + n))
        .collect();
    let outside = (422, "dropped 100 points outside retention policy");
    raw.says(&mixed, outside, ("r2", &[("value", 4900)]));
    raw.says(
        &format!("r3 value=1 {now}\n"),
        (204, ""),
        ("r3", &[("value", 1)]),
    );
    let both = format!(
        "r3 value=1 {old}\nr3 value=\"x\" {}\nr3 value=1 {}\n",
        now + 1,
        now + 2
    );
    raw.says(&both, (422, "field type conflict"), ("r3", &[("value", 2)]));
}

/// Rights, and where to write to.
#[test]
fn of_requests_that_are_wrong_as_such() {
    let Some(server) = server() else { return };
    let client = server.client();
    let raw = Raw::new(server, &client.place().bucket);
    let line = b"a value=1 1\n";
    let token = format!("Token {TOKEN}");
    let fine = [("Authorization", &*token)];
    let unauthorized = (401, "unauthorized access");
    let (own, query) = (raw.path(), format!("/api/v2/query?org={ORG}"));
    let buckets = server.get(&format!("buckets?name={}", raw.bucket));
    let bucket = &buckets["buckets"][0];
    let reader = server.post(
        "authorizations",
        &serde_json::json!({"orgID": bucket["orgID"], "permissions": [
            {"action": "read", "resource": {"type": "buckets", "id": bucket["id"], "orgID": bucket["orgID"]}}
        ]}),
    );
    let reader = format!("Token {}", reader["token"].as_str().unwrap());
    let at =
        |org: &str, bucket: &str| format!("/api/v2/write?org={org}&bucket={bucket}&precision=ns");
    let cases: [Case<'_>; 10] = [
        (&own, &[("Authorization", "Token wrong")], unauthorized),
        (&own, &[], unauthorized),
        (&query, &[("Authorization", "Token wrong")], unauthorized),
        (
            &own,
            &[("Authorization", &reader)],
            (403, "insufficient permissions for write"),
        ),
        (
            &own,
            &[("Authorization", &format!("Bearer {TOKEN}"))],
            (204, ""),
        ),
        (
            &at(ORG, "nosuch"),
            &fine,
            (404, "bucket \\\"nosuch\\\" not found"),
        ),
        (
            &at("nosuch", "first"),
            &fine,
            (404, "organization name \\\"nosuch\\\" not found"),
        ),
        (
            &format!("/api/v2/write?org={ORG}"),
            &fine,
            (404, "bucket not found"),
        ),
        (
            "/api/v2/write?bucket=first",
            &fine,
            (400, "Please provide either orgID or org"),
        ),
        (&format!("{own}x"), &fine, (400, "invalid precision")),
    ];
    for (path, headers, (status, words)) in cases {
        let (said, body) = raw.ask(path, headers, line);
        assert!(
            said == status && body.contains(words),
            "{path} {headers:?}: {said} {body}"
        );
    }
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let put = agent.put(format!("{}{own}", server.url()));
    let put = put.header("Authorization", &token).send(&line[..]).unwrap();
    assert_eq!(put.status().as_u16(), 405);
    let ping = agent.get(format!("{}/ping", server.url())).call();
    assert_eq!(ping.unwrap().status().as_u16(), 204);
    let ready = agent.get(format!("{}/ready", server.url())).call();
    let ready = ready.unwrap().body_mut().read_to_string().unwrap();
    assert!(ready.contains("\"status\": \"ready\""), "{ready}");
}

/// Questions that have no answer.
#[test]
fn of_questions() {
    let Some(server) = server() else { return };
    let client = server.client();
    let bucket = client.place().bucket.clone();
    let raw = Raw::new(server, &bucket);
    let ranged = format!("from(bucket: \"{bucket}\") |> range(start: 1970-01-01T00:00:00Z)");
    assert_eq!(raw.write("t v=\"abc\" 5\n").0, 204);
    let fails = format!("{ranged} |> map(fn: (r) => ({{r with _value: int(v: r._value)}}))");
    let cases: [(&str, u16, &str); 5] = [
        ("from(", 400, "compilation failed"),
        (
            "from(bucket: \"nosuch\") |> range(start: -1h)",
            404,
            "could not find bucket",
        ),
        (
            &format!("{ranged} |> foo()"),
            400,
            "undefined identifier foo",
        ),
        (
            &format!("from(bucket: \"{bucket}\")"),
            400,
            "cannot submit unbounded read",
        ),
        (&fails, 400, "cannot convert string"),
    ];
    for (flux, status, words) in cases {
        let (said, body) = raw.question(flux);
        assert!(
            said == status && body.contains(words),
            "{flux}: {said} {body}"
        );
        let error = client.query(flux).unwrap_err();
        assert!(
            matches!(&error, QueryError::Refused(reason) if reason.contains(words)),
            "{error}"
        );
    }
    let nothing = raw.question(&format!(
        "{ranged} |> filter(fn: (r) => r._measurement == \"no\")"
    ));
    assert_eq!(nothing, (200, "\r\n".to_owned()));
}

/// Taking out: the last moment of a request goes, too; only `AND` joins; nothing there is fine.
#[test]
fn of_what_is_taken_out() {
    let Some(server) = server() else { return };
    let client = server.client();
    let raw = Raw::new(server, &client.place().bucket);
    assert_eq!(
        raw.write(
            "d,site=x v=1i 1000\nd,site=x v=2i 1999\nd,site=x v=3i 2000\nd,site=y v=4i 1000\n"
        )
        .0,
        204
    );
    client
        .take_out("_measurement=\"d\" AND site=\"x\"", 1, 2)
        .unwrap();
    assert_eq!(raw.stored("d"), BTreeMap::from([("v".to_owned(), 2)]));
    client.take_out("_measurement=\"none\"", 1, 2).unwrap();
    let or = client.take_out("_measurement=\"d\" OR site=\"x\"", 1, 2);
    assert!(
        matches!(&or, Err(QueryError::Refused(said)) if said.contains("OR is not supported")),
        "{or:?}"
    );
}

/// A full cache is a 500 that gets better; before the setup nobody is let in.
#[test]
fn of_servers_that_are_not_ready() {
    let Some(small) = Influxd::start_with(&["--storage-cache-max-memory-size=200000"]) else {
        return;
    };
    let raw = Raw::new(&small, "first");
    let mut last = (204, String::new());
    for n in 0..40 {
        last = raw.write(&lines(&format!("f{n}"), &[]));
        if last.0 != 204 {
            break;
        }
    }
    assert!(
        last.0 == 500 && last.1.contains("cache-max-memory-size exceeded"),
        "{last:?}"
    );
    assert!(matches!(
        super::Answer::read(last.0, None, &last.1),
        super::Answer::Later { .. }
    ));

    let fresh = Influxd::start_without_setup(&[]).unwrap();
    let raw = Raw::new(&fresh, "first");
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .new_agent();
    let mut allowed = String::new();
    for _ in 0..600 {
        if let Ok(mut said) = agent.get(format!("{}/api/v2/setup", fresh.url())).call() {
            allowed = said.body_mut().read_to_string().unwrap();
            if said.status().as_u16() == 200 {
                break;
            }
        }
        thread::park_timeout(Duration::from_millis(100));
    }
    assert!(allowed.contains("\"allowed\": true"), "{allowed}");
    let (status, said) = raw.write("a v=1 1\n");
    assert!(
        status == 401 && said.contains("unauthorized access"),
        "{said}"
    );
}
