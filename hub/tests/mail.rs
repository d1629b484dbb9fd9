//! E-mail by way of a real server: over STARTTLS, over TLS, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fs, io,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use gatepost_hub::{
    config::{Channel, ChannelKind, Email, Tls},
    core::{
        paging::{Address, Dispatch, Failure, MessageRow, MessageState, Said},
        state::State,
    },
    notify::{Channels, Templates, Text, text_of},
};
use gatepost_model::{Wall, alert::Severity, recipient::Language};
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(30);

/// Why there is no server on this machine, if there is none.
fn missing() -> Option<&'static str> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|it| {
        use std::os::unix::fs::MetadataExt;
        it.uid() == 0
    });
    let has = |name: &str| {
        ["/usr/sbin", "/usr/bin"]
            .iter()
            .any(|it| Path::new(it).join(name).exists())
    };
    match (is_root, has("postfix") && has("openssl")) {
        (false, _) => Some("e-mail: the test's mail server needs root"),
        (_, false) => Some("e-mail: Postfix is not here (apt-get install postfix openssl)"),
        _ => None,
    }
}

struct Server {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
    tls_port: u16,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, tls_port) = (free_port(), free_port());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/mail/postfix");
        let said = fs::File::create(folder.path().join("said")).unwrap();
        let child = Command::new(script)
            .arg(folder.path())
            .args([port.to_string(), tls_port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::from(said))
            .spawn()
            .unwrap();
        let server = Self {
            folder,
            child,
            port,
            tls_port,
        };
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = TcpStream::connect(("127.0.0.1", port)) {
            assert!(Instant::now() < deadline, "{error}: {}", server.log());
            sleep(Duration::from_millis(20)).await;
        }
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        let read = |name| fs::read_to_string(self.path(name)).unwrap_or_default();
        read("said") + &read("log")
    }

    /// All that was delivered, as soon as there is so much.
    async fn mails(&self, n: usize) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let files: Vec<PathBuf> = match fs::read_dir(self.path("mail/guard/new")) {
                Ok(files) => files.map(|file| file.unwrap().path()).collect(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
                Err(error) => panic!("{error}"),
            };
            if files.len() >= n {
                return files
                    .iter()
                    .map(|it| fs::read_to_string(it).unwrap())
                    .collect();
            }
            assert!(Instant::now() < deadline, "{files:?}: {}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }

    fn channels(&self, tls: Tls, ca: bool) -> Channels {
        let port = if tls == Tls::Always {
            self.tls_port
        } else {
            self.port
        };
        let ca = ca.then(|| self.path("ca.pem").to_str().unwrap().to_owned());
        let email = Email {
            host: "localhost".to_owned(),
            port,
            tls,
            ca,
            login: None,
            from: "Gatepost <gatepost@example.org>".to_owned(),
        };
        let channel = Channel {
            name: "mail".to_owned(),
            kind: ChannelKind::Email(email),
            templates: Templates::default(),
        };
        Channels::new(&[channel]).unwrap()
    }

    fn stop(&self) {
        let conf = self.path("conf");
        let stopped = Command::new("/usr/sbin/postfix")
            .arg("-c")
            .arg(conf)
            .arg("stop")
            .output();
        assert!(stopped.unwrap().status.success(), "{}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its services end with it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn now() -> Wall {
    Wall::parse("2026-11-23T07:31:00Z").unwrap()
}

fn dispatch(to: &str) -> Dispatch {
    let address = Address {
        channel: "mail".to_owned(),
        to: Some(to.to_owned()),
    };
    let message = MessageRow {
        id: 7,
        alert: None,
        kind: None,
        severity: Severity::Major,
        site: "s".parse().unwrap(),
        recipient: "guard".to_owned(),
        address: address.clone(),
        language: Language::Chinese,
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
    };
    Dispatch {
        id: 1,
        address,
        messages: vec![message],
        repeated: false,
    }
}

fn text() -> Text {
    text_of(
        &State::default(),
        &dispatch("guard@example.org"),
        &Templates::default(),
    )
}

async fn send(channels: &Channels, to: &str) -> Result<String, Failure> {
    channels.send(&dispatch(to), &text(), now()).await
}

#[tokio::test]
async fn mail_arrives_and_what_cannot_says_why() {
    if let Some(missing) = missing() {
        println!("skipped: {missing}");
        if let Some(path) = std::env::var_os("GATEPOST_SKIPS") {
            let mut skips = fs::read_to_string(&path).unwrap_or_default();
            skips.push_str(missing);
            skips.push('\n');
            fs::write(path, skips).unwrap();
        }
        return;
    }
    let server = Server::start().await;
    for tls in [Tls::StartTls, Tls::Always, Tls::Never] {
        let receipt = send(&server.channels(tls, true), "guard@example.org").await;
        let receipt = receipt.unwrap_or_else(|why| panic!("{tls:?}: {why:?}: {}", server.log()));
        assert!(receipt.contains("queued"), "{receipt}");
    }
    for mail in server.mails(3).await {
        assert!(
            mail.contains("Message-ID: <gatepost-7-1@example.org>"),
            "{mail}"
        );
        let body = mail.split_once("\n\n").unwrap().1;
        let body: String = body.split_whitespace().collect();
        let body = String::from_utf8(STANDARD.decode(body).unwrap()).unwrap();
        assert_eq!(body.trim(), text().body);
    }
    // A certificate that nobody vouches for: nothing is said to who shows it.
    let stranger = send(&server.channels(Tls::StartTls, false), "guard@example.org").await;
    assert!(
        matches!(stranger, Err(Failure::Retry { .. })),
        "{stranger:?}"
    );
    let channels = server.channels(Tls::StartTls, true);
    let unknown = send(&channels, "nobody@example.org").await;
    let Err(Failure::Refused { why }) = unknown else {
        panic!("{unknown:?}");
    };
    assert!(why.contains("550"), "{why}");
    assert!(matches!(
        send(&channels, "no address").await,
        Err(Failure::Refused { .. })
    ));
    assert_eq!(server.mails(3).await.len(), 3);
    server.stop();
    let away = send(&channels, "guard@example.org").await;
    assert!(matches!(away, Err(Failure::Retry { .. })), "{away:?}");
}
