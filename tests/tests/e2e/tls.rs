//! Units before a broker on a network: encrypted, each with a certificate of its own, before the
//! broker that is meant for it.

use std::{
    fs,
    io::Write,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, ensure};
use e2e::{
    fleet::{AS_EDGE, free_port},
    wait::wait_for,
};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};

use crate::{program, run, skip};

const PATIENCE: Duration = Duration::from_secs(20);
/// Years that every certificate but the ended ones lies within.
const LONG: (i32, i32) = (2020, 2100);
const ENDED: (i32, i32) = (2020, 2021);

/// An authority.
struct Authority {
    dir: PathBuf,
    name: &'static str,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Writes `NAME.pem`.
    fn new(dir: &Path, name: &'static str) -> anyhow::Result<Self> {
        let mut params = params(name, LONG);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        fs::write(dir.join(format!("{name}.pem")), certificate.pem())?;
        Ok(Self {
            dir: dir.to_owned(),
            name,
            issuer: Issuer::new(params, key),
        })
    }

    /// Writes `FILE.pem` and `FILE.key` for a host.
    fn host(&self, file: &str, host: &str, years: (i32, i32)) -> anyhow::Result<()> {
        let mut params = params("broker", years);
        params.subject_alt_names = vec![match host.parse() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(host.try_into()?),
        }];
        self.sign(file, &params)
    }

    /// Likewise for a unit.
    fn unit(&self, file: &str, years: (i32, i32)) -> anyhow::Result<()> {
        self.sign(file, &params("s/u", years))
    }

    fn sign(&self, file: &str, params: &CertificateParams) -> anyhow::Result<()> {
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        fs::write(self.dir.join(format!("{file}.pem")), certificate.pem())?;
        fs::write(self.dir.join(format!("{file}.key")), key.serialize_pem())?;
        Ok(())
    }
}

fn params(name: &str, (from, to): (i32, i32)) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(to, 1, 1);
    params
}

/// Mosquitto, with a listener for each certificate, and one for who looks on.
struct Broker {
    process: Child,
    good: u16,
    expired: u16,
    elsewhere: u16,
    plain: u16,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Broker {
    async fn start(dir: &Path, ca: &Authority) -> anyhow::Result<Self> {
        let [good, expired, elsewhere, plain] =
            [free_port()?, free_port()?, free_port()?, free_port()?];
        // It would change its user, who may not read the folder.
        let mut config = "user root\nper_listener_settings true\n".to_owned();
        for (port, file) in [
            (good, "broker"),
            (expired, "broker-ended"),
            (elsewhere, "broker-elsewhere"),
        ] {
            let path = |name: String| dir.join(name).display().to_string();
            config += &format!(
                "listener {port} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\n\
                 require_certificate true\nuse_identity_as_username true\ntls_version tlsv1.3\n",
                path(format!("{}.pem", ca.name)),
                path(format!("{file}.pem")),
                path(format!("{file}.key")),
            );
        }
        config += &format!("listener {plain} 127.0.0.1\nallow_anonymous true\n");
        let file = dir.join("mosquitto.conf");
        fs::write(&file, config)?;
        let log = fs::File::create(dir.join("mosquitto.log"))?;
        let process = Command::new("mosquitto")
            .arg("-c")
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        let broker = Self {
            process,
            good,
            expired,
            elsewhere,
            plain,
        };
        wait_for("the broker listens", PATIENCE, async || {
            let reached = tokio::net::TcpStream::connect(("127.0.0.1", plain)).await;
            reached.map(drop).map_err(|error| {
                let log = fs::read_to_string(dir.join("mosquitto.log"));
                format!("{error}; {log:?}")
            })
        })
        .await?;
        Ok(broker)
    }
}

/// A unit's configuration in `FILE`, with the files of `own` if it has a certificate.
fn unit(dir: &Path, port: u16, ca: &str, own: Option<&str>) -> anyhow::Result<PathBuf> {
    let path = |name: String| dir.join(name).display().to_string();
    let own = own.map_or(String::new(), |own| {
        let (certificate, key) = (path(format!("{own}.pem")), path(format!("{own}.key")));
        format!("certificate = {certificate:?}\nkey = {key:?}\n")
    });
    let text = format!(
        "[unit]\nsite = \"s\"\nid = \"u\"\ndata = {:?}\n\
         [mqtt]\naddress = \"127.0.0.1:{port}\"\nca = {:?}\n{own}\
         [board]\nkind = \"sim\"\nsocket = {:?}\n\
         [[lane]]\nname = \"people\"\nkind = \"people\"\nbeam_a = \"a\"\nbeam_b = \"b\"\n\
         [timers]\nreconnect_min_ms = 100\nreconnect_max_ms = 200\nheartbeat_s = 1\n",
        path("data".to_owned()),
        path(format!("{ca}.pem")),
        path("board.sock".to_owned()),
    );
    let file = dir.join("unit.toml");
    fs::write(&file, text)?;
    Ok(file)
}

/// What the doctor says, and whether all is well.
fn doctor(config: &Path) -> anyhow::Result<(String, bool)> {
    let done = Command::new(program())
        .args([AS_EDGE, "doctor", "--seconds", "1", "--config"])
        .arg(config)
        .output()?;
    Ok((String::from_utf8(done.stdout)?, done.status.success()))
}

fn is_here() -> bool {
    let found = Command::new("mosquitto").arg("-h").output();
    if found.is_err() {
        skip("units before an encrypted broker: mosquitto is not here");
    }
    found.is_ok()
}

#[test]
fn the_doctor_knows_what_is_wrong_with_certificates() {
    if !is_here() {
        return;
    }
    run(async {
        let dir = tempfile::tempdir()?;
        let dir = dir.path();
        let (ca, other) = (Authority::new(dir, "ca")?, Authority::new(dir, "other")?);
        ca.host("broker", "127.0.0.1", LONG)?;
        ca.host("broker-ended", "127.0.0.1", ENDED)?;
        ca.host("broker-elsewhere", "elsewhere.example", LONG)?;
        ca.unit("unit", LONG)?;
        ca.unit("unit-ended", ENDED)?;
        other.unit("stranger", LONG)?;
        let broker = Broker::start(dir, &ca).await?;
        for (port, ca, own, is_fine, words) in [
            (broker.good, "ca", Some("unit"), true, "answers, encrypted"),
            (
                broker.good,
                "ca",
                Some("unit"),
                true,
                "certificate            good for more",
            ),
            (
                broker.good,
                "ca",
                Some("unit-ended"),
                false,
                "certificate            has expired",
            ),
            (
                broker.good,
                "ca",
                Some("unit-ended"),
                false,
                "that this unit's certificate has expired",
            ),
            (
                broker.good,
                "ca",
                Some("stranger"),
                false,
                "refuses this unit's certificate",
            ),
            (
                broker.good,
                "ca",
                None,
                false,
                "wants a certificate of this unit",
            ),
            (
                broker.good,
                "other",
                Some("unit"),
                false,
                "certificate is not of `ca`",
            ),
            (
                broker.expired,
                "ca",
                Some("unit"),
                false,
                "the broker's certificate has expired",
            ),
            (
                broker.elsewhere,
                "ca",
                Some("unit"),
                false,
                "certificate is another host's",
            ),
            (
                broker.good,
                "nowhere",
                Some("unit"),
                false,
                "nowhere.pem: cannot be read as PEM",
            ),
        ] {
            let (told, fine) = doctor(&unit(dir, port, ca, own)?)?;
            ensure!(told.contains(words), "nobody says {words:?}:\n{told}");
            ensure!(fine == is_fine, "{words}:\n{told}");
        }
        Ok(())
    });
}

#[test]
fn a_unit_speaks_encrypted_and_takes_a_renewed_certificate_by_itself() {
    if !is_here() {
        return;
    }
    run(async {
        let dir = tempfile::tempdir()?;
        let dir = dir.path();
        let ca = Authority::new(dir, "ca")?;
        for file in ["broker", "broker-ended", "broker-elsewhere"] {
            ca.host(file, "127.0.0.1", (2020, 2090))?;
        }
        ca.unit("unit", ENDED)?;
        let broker = Broker::start(dir, &ca).await?;
        let config = unit(dir, broker.good, "ca", Some("unit"))?;
        let log = dir.join("unit.log");
        let agent = tokio::process::Command::new(program())
            .args([AS_EDGE, "run", "--config"])
            .arg(&config)
            // It ends with its stdin.
            .stdin(Stdio::piped())
            .stderr(fs::File::create(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        let said = || fs::read_to_string(&log).unwrap_or_default();
        wait_for("the broker says why it refuses", PATIENCE, async || {
            let said = said();
            let why = "this unit's certificate has expired";
            if said.contains(why) {
                Ok(())
            } else {
                Err(said)
            }
        })
        .await?;

        let observer = MqttOptions::new("observer", ("127.0.0.1", broker.plain));
        let (client, mut seen) = AsyncClient::builder(observer).capacity(8).try_build()?;
        client
            .subscribe("gatepost/v1/s/u/events", QoS::AtLeastOnce)
            .await?;
        let mut board = UnixStream::connect(dir.join("board.sock"))?;
        let mut lines = "{\"mono_us\":0,\"boot\":\"6f1c\"}\n".to_owned();
        for (at, pin, level) in [(10, "a", 1), (11, "b", 1), (13, "a", 0), (14, "b", 0)] {
            lines += &format!("{{\"mono_us\":{at}00000,\"input\":\"{pin}\",\"level\":{level}}}\n");
        }
        board.write_all((lines + "{\"mono_us\":3000000,\"tick\":true}\n").as_bytes())?;
        ca.unit("unit", LONG)?;
        let mut told = async |what: &str| {
            let told = async {
                loop {
                    if let Event::Incoming(Packet::Publish(batch)) = seen.poll().await?
                        && String::from_utf8_lossy(&batch.payload).contains(what)
                    {
                        return anyhow::Ok(());
                    }
                }
            };
            tokio::time::timeout(PATIENCE, told)
                .await
                .with_context(|| format!("nobody tells {what}: {}", said()))?
        };
        told("\"kind\":\"passage\"").await?;

        // Heartbeats tell which certificate ends first: the broker's, and then a shorter one of its own. A
        // heartbeat tells what was known when the one before it was on the disk.
        let tick = |second: u64| format!("{{\"mono_us\":{second}000000,\"tick\":true}}\n");
        let at = |second: u64| format!("\"mono_us\":{second}000000,");
        board.write_all(tick(4).as_bytes())?;
        told(&at(4)).await?;
        board.write_all(tick(5).as_bytes())?;
        let ends = |of, year| {
            format!("\"certificate\":{{\"of\":\"{of}\",\"ends\":\"{year}-01-01T00:00:00.000Z\"}}")
        };
        told(&ends("broker", 2090)).await?;
        ca.unit("unit", (2020, 2080))?;
        board.write_all(b"{\"mono_us\":5100000,\"link\":\"down\"}\n")?;
        board.write_all(b"{\"mono_us\":5200000,\"link\":\"up\"}\n")?;
        told(&at(5)).await?;
        board.write_all(tick(6).as_bytes())?;
        told(&at(6)).await?;
        board.write_all(tick(7).as_bytes())?;
        told(&ends("unit", 2080)).await?;
        drop(agent);
        Ok(())
    });
}
