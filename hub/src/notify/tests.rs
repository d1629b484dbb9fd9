//! Against small servers that enforce what each robot's maker says, with its own answers.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use ::hmac::{Hmac, KeyInit, Mac};
use axum::{
    Router,
    body::Bytes,
    extract::Query,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use gatepost_model::{
    Wall,
    alert::{AlertKind, Severity},
    recipient::Language,
};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;
use crate::{
    config::{Channel, ChannelKind, Secret},
    core::{
        Settings,
        paging::{Address, MessageRow, MessageState, Said},
        state::{Change, State},
        testing::{Log, site, wall},
    },
};

const KEY: &str = "SEC-of-the-robot";

fn now() -> Wall {
    wall("2026-11-23T07:31:00.250Z")
}

fn mac(key: &str, text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn message(id: u64, language: Language) -> MessageRow {
    MessageRow {
        id,
        alert: None,
        kind: Some(AlertKind::Loss),
        severity: Severity::Major,
        site: "s".parse().unwrap(),
        recipient: "guard".to_owned(),
        address: Address {
            channel: "robot".to_owned(),
            to: None,
        },
        language,
        said: Said::Test,
        made_at: now(),
        not_before: now(),
        is_asked: false,
        state: MessageState::Sending,
        dispatch: Some(1),
        attempts: 1,
        repeated: false,
        sent_at: None,
        answer: None,
    }
}

fn dispatch(n: u64) -> Dispatch {
    Dispatch {
        id: 41,
        address: message(1, Language::Chinese).address,
        messages: (1..=n).map(|id| message(id, Language::Chinese)).collect(),
        repeated: false,
    }
}

fn state() -> State {
    let mut state = State::default();
    state.apply(&Change::Site(site()));
    state
}

/// Sends one dispatch over a channel whose server is this one.
async fn sent_to(
    server: Router,
    kind: impl FnOnce(String) -> ChannelKind,
    times: usize,
) -> Vec<Result<String, Failure>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?key=k1", listener.local_addr().unwrap());
    let channel = Channel {
        name: "robot".to_owned(),
        kind: kind(url),
        templates: Templates::default(),
    };
    let channels = Channels::new(&[channel]).unwrap();
    let dispatch = dispatch(3);
    let text = text_of(&state(), &dispatch, &Templates::default());
    let work = async {
        let mut results = Vec::new();
        for _ in 0..times {
            results.push(channels.send(&dispatch, &text, now()).await);
        }
        results
    };
    serve_while(listener, server, work).await
}

async fn serve_while<T>(
    listener: tokio::net::TcpListener,
    server: Router,
    work: impl Future<Output = T>,
) -> T {
    tokio::select! {
        served = async { axum::serve(listener, server).await } => panic!("{served:?}"),
        out = work => out,
    }
}

fn answer(code: i64, words: &str, names: (&str, &str)) -> Response {
    let mut body = json!({});
    body[names.0] = code.into();
    body[names.1] = words.into();
    axum::Json(body).into_response()
}

fn robot(
    check: impl Fn(&Uri, &HeaderMap, &Value, usize) -> (i64, &'static str)
    + Clone
    + Send
    + Sync
    + 'static,
    names: (&'static str, &'static str),
) -> Router {
    let handle = move |uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let is_json = headers
            .get("content-type")
            .is_some_and(|it| it.to_str().unwrap().starts_with("application/json"));
        assert!(is_json);
        let said: Value = serde_json::from_slice(&body).unwrap();
        let (code, words) = check(&uri, &headers, &said, body.len());
        answer(code, words, names)
    };
    Router::new().route("/hook", post(handle))
}

fn codes(results: &[Result<String, Failure>]) -> Vec<(bool, Option<i64>, String)> {
    let brief = |result: &Result<String, Failure>| match result {
        Ok(said) => (true, None, said.clone()),
        Err(Failure::Retry { after_us, why }) => (false, Some(after_us.unwrap_or(0)), why.clone()),
        Err(Failure::Refused { why }) => (false, None, why.clone()),
    };
    results.iter().map(brief).collect()
}

#[tokio::test]
async fn wecom_takes_markdown_twenty_times_a_minute() {
    let count = Arc::new(AtomicU32::new(0));
    let server = robot(
        move |uri, _, said, _| {
            if uri.query() != Some("key=k1") {
                return (93000, "invalid webhook url");
            }
            let content = said["markdown"]["content"].as_str().unwrap_or_default();
            if said["msgtype"] != "markdown" || content.is_empty() {
                return (40008, "invalid message type");
            }
            if content.len() > 4096 {
                return (40058, "markdown.content exceed max length 4096");
            }
            if count.fetch_add(1, Ordering::Relaxed) >= 20 {
                return (45009, "api freq out of limit");
            }
            (0, "ok")
        },
        ("errcode", "errmsg"),
    );
    let results = sent_to(server, |url| ChannelKind::WeCom { url: Secret(url) }, 21).await;
    let codes = codes(&results);
    assert_eq!(codes[19], (true, None, "0 ok".to_owned()));
    let banned = (
        false,
        Some(60_000_000),
        "45009 api freq out of limit".to_owned(),
    );
    assert_eq!(codes[20], banned);
}

#[tokio::test]
async fn dingtalk_is_signed_in_the_query() {
    let server = |secret: &'static str| {
        robot(
            move |uri, _, said, _| {
                let Query(query) =
                    Query::<std::collections::BTreeMap<String, String>>::try_from_uri(uri).unwrap();
                let timestamp = query["timestamp"].clone();
                let age_ms = now().micros() / 1000 - timestamp.parse::<i64>().unwrap();
                let sign = STANDARD.encode(mac(secret, &format!("{timestamp}\n{secret}")));
                if age_ms.abs() > 3_600_000 || query["sign"] != sign {
                    return (310_000, "sign not match");
                }
                let markdown = &said["markdown"];
                let has = |key: &str| markdown[key].as_str().is_some_and(|it| !it.is_empty());
                if said["msgtype"] != "markdown" || !has("title") || !has("text") {
                    return (40_035, "缺少参数 json");
                }
                (0, "ok")
            },
            ("errcode", "errmsg"),
        )
    };
    let kind = |url: String| ChannelKind::DingTalk {
        url: Secret(url),
        secret: Some(Secret(KEY.to_owned())),
    };
    let results = sent_to(server(KEY), kind, 1).await;
    assert_eq!(codes(&results), [(true, None, "0 ok".to_owned())]);
    let results = sent_to(server("another"), kind, 1).await;
    assert_eq!(
        codes(&results),
        [(false, None, "310000 sign not match".to_owned())]
    );
    let busy = robot(
        |_, _, _, _| (130_101, "send too fast"),
        ("errcode", "errmsg"),
    );
    let results = sent_to(busy, kind, 1).await;
    let muted = (false, Some(600_000_000), "130101 send too fast".to_owned());
    assert_eq!(codes(&results), [muted]);
}

#[tokio::test]
async fn feishu_is_signed_in_the_body() {
    let server = robot(
        |_, _, said, bytes| {
            let timestamp = said["timestamp"].as_str().unwrap_or_default();
            let sign = STANDARD.encode(mac(&format!("{timestamp}\n{KEY}"), ""));
            let age_s = now().micros() / 1_000_000 - timestamp.parse::<i64>().unwrap_or(0);
            if said["sign"] != sign.as_str() || age_s.abs() > 3_600 {
                return (
                    19_021,
                    "sign match fail or timestamp is not within one hour",
                );
            }
            let text = said["content"]["text"].as_str().unwrap_or_default();
            if bytes > 20 * 1024 || said["msg_type"] != "text" || text.is_empty() {
                return (9_499, "Bad Request");
            }
            (0, "success")
        },
        ("code", "msg"),
    );
    let kind = |url: String| ChannelKind::Feishu {
        url: Secret(url),
        secret: Some(Secret(KEY.to_owned())),
    };
    let results = sent_to(server, kind, 1).await;
    assert_eq!(codes(&results), [(true, None, "0 success".to_owned())]);
    let fast = robot(|_, _, _, _| (11_232, "frequency limited"), ("code", "msg"));
    let results = sent_to(fast, kind, 1).await;
    assert_eq!(codes(&results)[0].1, Some(60_000_000));
}

#[tokio::test]
async fn a_webhook_shows_who_sent_it_and_says_when_it_is_busy() {
    let count = Arc::new(AtomicU32::new(0));
    let handle = move |headers: HeaderMap, body: Bytes| {
        let count = Arc::clone(&count);
        async move {
            let header = |name: &str| headers[name].to_str().unwrap().to_owned();
            let text = String::from_utf8(body.to_vec()).unwrap();
            let timestamp = header("x-gatepost-timestamp");
            let signature = mac(KEY, &format!("{timestamp}.{text}"));
            let signature: String = signature.iter().map(|it| format!("{it:02x}")).collect();
            if header("x-gatepost-signature") != format!("sha256={signature}") {
                return StatusCode::UNAUTHORIZED.into_response();
            }
            let said: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(
                (&said["delivery"], header("x-gatepost-delivery")),
                (&json!(41), "41".to_owned())
            );
            assert_eq!(said["alerts"].as_array().unwrap().len(), 3);
            match count.fetch_add(1, Ordering::Relaxed) {
                0 => StatusCode::NO_CONTENT.into_response(),
                1 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "120")]).into_response(),
                2 => StatusCode::BAD_GATEWAY.into_response(),
                _ => StatusCode::GONE.into_response(),
            }
        }
    };
    let server = Router::new().route("/hook", post(handle));
    let kind = |url| ChannelKind::Webhook {
        url,
        secret: Some(Secret(KEY.to_owned())),
    };
    let results = sent_to(server, kind, 4).await;
    let brief: Vec<_> = codes(&results)
        .into_iter()
        .map(|(ok, after, _)| (ok, after))
        .collect();
    assert_eq!(
        brief,
        [
            (true, None),
            (false, Some(120_000_000)),
            (false, Some(0)),
            (false, None)
        ]
    );
}

#[tokio::test]
async fn who_is_not_there_is_tried_again_and_no_key_is_told() {
    let url = "http://127.0.0.1:1/hook?key=very-secret".to_owned();
    let kind = ChannelKind::WeCom { url: Secret(url) };
    let channel = Channel {
        name: "robot".to_owned(),
        kind,
        templates: Templates::default(),
    };
    assert!(!format!("{channel:?}").contains("very-secret"));
    let channels = Channels::new(&[channel]).unwrap();
    let dispatch = dispatch(1);
    let text = text_of(&state(), &dispatch, &Templates::default());
    let result = channels.send(&dispatch, &text, now()).await;
    let Err(Failure::Retry { why, .. }) = result else {
        panic!("{result:?}");
    };
    assert!(!why.contains("very-secret"), "{why}");
}

#[test]
fn hmac_is_that_of_rfc_4231() {
    // Test case 2.
    let mac = sign::hmac(b"Jefe", b"what do ya want for nothing?");
    let hex = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(sign::hex(&mac), hex);
}

/// More people inside than allowed, and a message of it.
fn crowded() -> (Core, Dispatch) {
    let mut core = Core::new(Settings::new("0123456789abcdef".to_owned()));
    let mut log = Log::new("gate-1", "a");
    log.passage(600_000_000);
    let settled = gatepost_model::Site {
        capacity: Some(0),
        ..site()
    };
    let batch = log.input(0..log.lines.len(), now());
    for input in [Input::Site(settled), batch, Input::Tick] {
        let decision = core.decide(now(), [input]);
        core.apply(&decision.commit);
    }
    let alerts = core.state().alerts.all();
    let alert = alerts.map(|alert| alert.id).next();
    let mut dispatch = dispatch(1);
    dispatch.messages[0].alert = Some(alert.expect("one too many is an alert"));
    (core, dispatch)
}

#[test]
fn an_alert_is_told_in_its_recipients_language() {
    let (core, mut dispatch) = crowded();
    let text = text_of(core.state(), &dispatch, &Templates::default());
    let told = "[重要] 一号: 在场人数超过上限";
    assert!(text.title.contains(told), "{}", text.title);
    dispatch.messages[0].language = Language::English;
    let text = text_of(core.state(), &dispatch, &Templates::default());
    let told = "[major] One: more people inside than allowed";
    assert!(text.title.contains(told), "{}", text.title);
}

#[test]
fn a_channel_tells_an_alert_in_its_own_words_in_each_language() {
    let (core, mut dispatch) = crowded();
    let template = |source| Some(Template::parse(source).unwrap());
    let templates = Templates {
        zh: template("{{ site }}有事：{{ what }}，编号 {{ number }}"),
        en: template("{{ what }} at {{ site }}, {{ severity|upper }}"),
    };
    let text = text_of(core.state(), &dispatch, &templates);
    assert_eq!(text.title, "Gatepost: 一号有事：在场人数超过上限，编号 1");
    dispatch.messages[0].language = Language::English;
    let text = text_of(core.state(), &dispatch, &templates);
    assert_eq!(
        text.title,
        "Gatepost: more people inside than allowed at One, MAJOR"
    );
    // A test is in the hub's words: it tells of no alert.
    dispatch.messages[0].alert = None;
    let text = text_of(core.state(), &dispatch, &templates);
    assert!(text.title.contains("a test message"), "{}", text.title);
}

#[test]
fn a_digest_names_the_first_and_counts_the_rest() {
    let mut many = dispatch(500);
    many.repeated = true;
    let text = text_of(&state(), &many, &Templates::default());
    assert_eq!(text.title, "Gatepost: 500 条告警");
    assert_eq!(text.body.lines().count(), 12);
    assert!(text.body.contains("另有 490 条"), "{}", text.body);
    assert!(text.body.contains("重发"), "{}", text.body);
    many.messages
        .iter_mut()
        .for_each(|it| it.language = Language::English);
    let text = text_of(&state(), &many, &Templates::default());
    assert!(
        text.body.starts_with("One: a test message"),
        "{}",
        text.body
    );
    for most in [10, 100, 200] {
        assert!(text.within(most).len() <= most);
    }
}
