//! What InfluxDB answers, and what becomes of it.

use super::*;

/// Rights, bucket and retention at the start, each with words to act on.
#[test]
fn it_says_what_is_wrong_with_the_place() {
    let Some(server) = server() else { return };
    let place = server.place();
    let client = Client::new(place.clone()).unwrap();
    assert_eq!(client.set_up(Some(Retention::Days(400))).unwrap(), [""; 0]);
    let buckets = || {
        server.get(&format!(
            "buckets?name={}",
            place.bucket.replace(' ', "%20")
        ))
    };
    let kept = |buckets: &serde_json::Value| {
        buckets["buckets"][0]["retentionRules"][0]["everySeconds"].clone()
    };
    assert_eq!(kept(&buckets()), 400 * 86_400);
    // Another wish is followed; none leaves it as it is.
    client.set_up(Some(Retention::Days(30))).unwrap();
    client.set_up(None).unwrap();
    assert_eq!(kept(&buckets()), 30 * 86_400);
    client.set_up(Some(Retention::Forever)).unwrap();
    assert_eq!(kept(&buckets()).as_u64().unwrap_or(0), 0);

    let bucket = buckets()["buckets"][0].clone();
    let token = |name: &str, actions: &[&str]| {
        let right = |action: &&str| serde_json::json!({"action": action, "resource": {"type": "buckets", "id": bucket["id"], "orgID": bucket["orgID"]}});
        let rights: Vec<_> = actions.iter().map(right).collect();
        let wanted = serde_json::json!({"orgID": bucket["orgID"], "permissions": rights});
        let made = server.post("authorizations", &wanted);
        server.token_file(name, made["token"].as_str().unwrap())
    };
    let with = |change: &dyn Fn(&mut Place)| {
        let mut place = place.clone();
        change(&mut place);
        Client::new(place).and_then(|client| client.set_up(Some(Retention::Forever)))
    };
    // Rights for the bucket alone will do; what they do not allow is only noted.
    let both = with(&|place| place.token_file = token("both", &["read", "write"]));
    assert!(both.unwrap().len() <= 1);
    let refused = |change: &dyn Fn(&mut Place)| with(change).unwrap_err().to_string();
    let told = [
        (
            refused(&|place| place.token_file = token("reader", &["read"])),
            "HTTP 403: insufficient permissions for write; give the token the right",
        ),
        (
            refused(&|place| place.token_file = token("writer", &["write"])),
            "give the token the right to read",
        ),
        (
            refused(&|place| place.token_file = server.token_file("wrong", "wrong")),
            "HTTP 401: unauthorized access; give `token_file`",
        ),
        (
            refused(&|place| place.org = "nobody".to_owned()),
            "organization name \"nobody\" not found; see that `url`, `org` and `bucket`",
        ),
        (
            refused(&|place| place.token_file = server.token_file("empty", "")),
            "has no token",
        ),
        (
            refused(&|place| place.token_file = "/nowhere/token".into()),
            "cannot read /nowhere/token",
        ),
        (
            refused(&|place| place.url = "http://127.0.0.1:1".to_owned()),
            "does not answer",
        ),
        (
            refused(&|place| {
                place.bucket = "another".to_owned();
                place.token_file = token("no-bucket", &["read", "write"]);
            }),
            "not found",
        ),
    ];
    for (said, words) in told {
        assert!(said.contains(words), "{said}");
    }
}

/// Answers that the forwarder relies on, each from the server itself.
#[test]
fn answers_are_as_measured() {
    let Some(server) = server() else { return };
    let client = server.client();
    let count = |measurement: &str| -> u64 {
        let bucket = &client.place().bucket;
        let asked = format!(
            "from(bucket: \"{bucket}\") |> range(start: 2020-01-01T00:00:00Z, stop: 2030-01-01T00:00:00Z) \
             |> filter(fn: (r) => r._measurement == \"{measurement}\") |> count() |> group() |> sum()"
        );
        let mut n = 0;
        table::rows(&client.query(&asked).unwrap(), |row| {
            n = row.number("_value")?;
            Ok(())
        })
        .unwrap();
        n
    };
    let lines = |measurement: &str, wrong: &[(usize, &str)]| -> String {
        let line = |n: usize| {
            let value = wrong
                .iter()
                .find(|(at, _)| *at == n)
                .map(|(_, value)| *value);
            let value = value.unwrap_or("1.5");
            format!(
                "{measurement},site=s value={value} {}\n",
                1_795_487_028_000_000_000_u64 + n as u64
            )
        };
        (0..500).map(line).collect()
    };
    let write = |text: &str| client.write(text, true);
    assert_eq!(write(&lines("m1", &[])), Answer::Stored);
    assert_eq!(count("m1"), 500);
    // The same again is the same.
    assert_eq!(client.write(&lines("m1", &[]), false), Answer::Stored);
    assert_eq!(count("m1"), 500);
    // A line that cannot be read spoils the request.
    let answer = write(&lines("m2", &[(250, "")]));
    assert!(
        matches!(&answer, Answer::Unreadable { reason } if reason.starts_with("unable to parse")),
        "{answer:?}"
    );
    assert_eq!(count("m2"), 0);
    // A wrong type is left out alone, with one reason for all of them, and none of them named.
    let answer = write(&lines("m1", &[(7, "\"x\""), (9, "3i")]));
    let Answer::Partly { reason } = &answer else {
        panic!("{answer:?}");
    };
    assert!(reason.contains("partial write: field type conflict") && !reason.contains("value=3i"));
    let fresh = lines("m3", &[(7, "\"x\""), (9, "3i")]);
    assert!(matches!(write(&fresh), Answer::Partly { .. }));
    assert_eq!(count("m3"), 498);
    // Too old for the bucket is left out alone, too.
    let notes = client.set_up(Some(Retention::Days(1))).unwrap();
    assert_eq!(notes, [""; 0]);
    let old = "m4 value=1.5 1000000000000000000\n";
    let answer = write(old);
    assert!(
        matches!(&answer, Answer::Partly { reason } if reason.contains("outside retention policy")),
        "{answer:?}"
    );
    // A cut body of a packed request is the server's trouble, as it says.
    assert_eq!(write("# only a comment\n"), Answer::Stored);
    for (text, wrong) in [
        ("m5 value=1 9223372036854775807\n", "time outside range"),
        ("m5,a= value=1 1\n", "missing tag value"),
        ("m5 value=9223372036854775808i 1\n", "value out of range"),
    ] {
        let answer = write(text);
        assert!(
            matches!(&answer, Answer::Unreadable { reason } if reason.contains(wrong)),
            "{answer:?}"
        );
    }
}
