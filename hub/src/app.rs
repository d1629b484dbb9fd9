//! The hub put together: which part gets what, in which order they begin, and how they end.

use std::{
    fs::{self, File, TryLockError},
    future::IntoFuture,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, RwLock},
    thread,
    time::Duration,
};

use axum::serve::ListenerExt;
use gatepost_dashboard::{Options, Services, router};
use tokio::{net::TcpListener, runtime::Handle, sync::mpsc, task::spawn_blocking, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{
    broker::{self, BrokerError, canary},
    clock::Clock,
    commands::Commands,
    config::{BrokerKind, Config, Store},
    core::{Core, Settings, state::SiteState, trouble},
    engine::{self, Answers, Engine},
    health::Health,
    ingest::client::{self, Ingest, Session, connect, publish},
    live::Live,
    metrics::Metrics,
    notify::{Channels, ChannelsError, Notifier, ToSend, tell_watchdog},
    outbox::Outbox,
    read_model::ReadModel,
    store::{
        influx::{Client, Forwarder, Pace, Retention, SetupError, forward},
        journal::{Journal, LoadError, OpenError},
        port::EventStore,
    },
    watch::Watch,
};

/// Why the hub does not serve, or no longer.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory cannot be used.
    #[error("cannot use the data directory {}", path.display())]
    Data {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another hub uses it.
    #[error("another hub serves from {}", .0.display())]
    Taken(PathBuf),
    /// The journal cannot be used.
    #[error("cannot use the journal")]
    Open(#[from] OpenError),
    /// What is in the journal cannot be used.
    #[error("cannot use what the journal has")]
    Load(#[from] LoadError),
    /// The history cannot be read.
    #[error("cannot read the history")]
    History(#[from] rusqlite::Error),
    /// InfluxDB cannot be used.
    #[error("cannot use InfluxDB")]
    Influx(#[from] SetupError),
    /// HTTP cannot be served there.
    #[error("cannot serve HTTP on {listen}")]
    Http {
        /// The address.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The channels to people cannot be used.
    #[error("no way to people")]
    Channels(#[from] ChannelsError),
    /// The embedded broker does not start.
    #[error("no broker")]
    Broker(#[from] BrokerError),
    /// A thread cannot be made.
    #[error("the {name} cannot be started")]
    Thread {
        /// Which part.
        name: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The embedded broker does not answer any more. It cannot be started twice in one process.
    #[error("the embedded broker is dead; the service manager starts the hub again")]
    BrokerDied,
    /// A part ended that must not.
    #[error("the {0} ended")]
    Ended(&'static str),
}

/// The whole drain may take so long.
const DRAIN: Duration = Duration::from_secs(8);

/// Serves until it is told to stop, or cannot go on.
pub async fn serve(config: Config, stop: CancellationToken) -> Result<(), ServeError> {
    let clock = Clock;
    let _lock = lock(&config.data)?;
    let (journal, store, forwarding) = open(&config, clock)?;
    let mut core = Core::new(settings(&config, journal.store()));
    journal.load(core.state_mut())?;
    let sites = core.state().sites.len();
    let core = Arc::new(RwLock::new(core));
    let mut part_names = vec![engine::PART, broker::PART, client::PART];
    part_names.extend(forwarding.is_some().then_some(forward::PART));
    let health = Arc::new(Health::of(&part_names));
    let metrics = Arc::new(Metrics::default());
    let outbox = Arc::new(Outbox::default());
    let answers = Arc::new(Answers::default());
    let channels = Arc::new(Channels::new(&config.channels)?);
    let to_send = Arc::new(ToSend::default());
    let live = Arc::new(Live::new(
        Arc::clone(&core),
        Arc::clone(&outbox),
        Arc::clone(&health),
        clock,
        config.timers.delta,
    ));

    let listener = TcpListener::bind(config.http.listen).await;
    let (listener, http) = listener
        .and_then(|listener| listener.local_addr().map(|address| (listener, address)))
        .map_err(|source| ServeError::Http {
            listen: config.http.listen,
            source,
        })?;
    let (embedded, host, port) = begin_broker(&config, clock).await?;

    // First the parts that bring something in end, then the engine, which takes what is queued.
    let parts = TaskTracker::new();
    let (queue, inputs) = mpsc::channel(engine::QUEUE);
    let drain = CancellationToken::new();
    let engine = Engine {
        core: Arc::clone(&core),
        journal,
        queue: inputs,
        outbox: Arc::clone(&outbox),
        to_send: Arc::clone(&to_send),
        answers: Arc::clone(&answers),
        live: Arc::clone(&live),
        health: Arc::clone(&health),
        metrics: Arc::clone(&metrics),
        clock,
        tick: config.timers.tick,
        delta: config.timers.delta,
    };
    let (runtime, draining) = (Handle::current(), drain.clone());
    let engine_ended = on_thread("engine", move || engine.run(&runtime, &draining))?;
    let (telling, told) = (Arc::clone(&live), drain.clone());
    let live_ended = on_thread("live stream", move || telling.run(&told))?;

    let forwarder_ended = match forwarding {
        Some((forwarder, retention)) => {
            let (runtime, health, stop) = (Handle::current(), Arc::clone(&health), stop.clone());
            on_thread("forwarder", move || {
                forwarder.run(retention, &runtime, &health, &stop);
            })?
        }
        None => CancellationToken::new(),
    };

    let session = match embedded {
        Some(_) => Session::Clean,
        None => Session::Kept,
    };
    let (mqtt, driver) = connect(&host, port, &config.broker.client_id, session);
    let ingest = Ingest {
        client: mqtt.clone(),
        queue: queue.clone(),
        health: Arc::clone(&health),
        clock,
        vouches_for_broker: embedded.is_none(),
    };
    let ingesting = parts.spawn(ingest.run(driver, stop.clone()));
    let publishing = parts.spawn(publish(mqtt, outbox, stop.clone()));
    if let Some(watchdog) = config.watchdog.clone() {
        let (agent, health) = (channels.agent(), Arc::clone(&health));
        parts.spawn(tell_watchdog(watchdog, agent, health, stop.clone()));
    }
    let watch = Watch {
        health: Arc::clone(&health),
        data: config.data.clone(),
        queue: queue.clone(),
        every: config.timers.watch,
    };
    parts.spawn(watch.run(stop.clone()));
    let notifier = Notifier {
        channels,
        to_send,
        core: Arc::clone(&core),
        queue: queue.clone(),
        clock,
    };
    let notifying = parts.spawn(notifier.run(stop.clone()));

    let read = ReadModel {
        core,
        store,
        data: config.data.clone(),
        health: Arc::clone(&health),
        metrics,
        clock,
    };
    let app = router(Services {
        read: Arc::new(read),
        command: Arc::new(Commands::new(queue, answers)),
        live,
        options: Options {
            token: config.http.token.clone(),
            shutdown: stop.clone(),
        },
    });
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            warn!(%error, "a connection will be slow");
        }
    });
    let serving = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
    let serving = parts.spawn(serving.into_future());
    parts.close();

    let mqtt = format!("{host}:{port}");
    announce(&config.data, http, &mqtt)?;
    info!(url = format!("http://{http}/"), mqtt, sites, "serving");

    let ended = tokio::select! {
        biased;
        () = stop.cancelled() => Ok(()),
        is_fine = watch_broker(embedded, &config, &health, &stop) => {
            if is_fine { Ok(()) } else { Err(ServeError::BrokerDied) }
        }
        _ = engine_ended.cancelled() => Err(ServeError::Ended("engine")),
        _ = live_ended.cancelled() => Err(ServeError::Ended("live stream")),
        _ = forwarder_ended.cancelled() => Err(ServeError::Ended("forwarder")),
        _ = ingesting => Err(ServeError::Ended("ingest")),
        _ = publishing => Err(ServeError::Ended("publisher")),
        _ = notifying => Err(ServeError::Ended("notifier")),
        _ = serving => Err(ServeError::Ended("HTTP server")),
    };
    stop.cancel();
    let drained = timeout(DRAIN, async {
        parts.wait().await;
        drain.cancel();
        engine_ended.cancelled().await;
    });
    if drained.await.is_err() {
        warn!("not everything ended in time; what was not acknowledged comes again");
    } else {
        info!("stopped");
    }
    ended
}

type Forwarding = Option<(Forwarder, Option<Retention>)>;

/// The journal, the history, and what brings it elsewhere if it is to go there.
fn open(
    config: &Config,
    clock: Clock,
) -> Result<(Journal, Arc<dyn EventStore>, Forwarding), ServeError> {
    let Store::Influx(settings) = &config.store else {
        let journal = Journal::open(&config.data)?;
        let history = Arc::new(journal.history()?);
        return Ok((journal, history, None));
    };
    let client = Arc::new(Client::new(settings.place.clone())?);
    let journal = Journal::open_before_influx(&config.data, settings.journal_max)?;
    let history = journal.influx(client);
    let history = history.ok_or(ServeError::Ended("history in InfluxDB"))?;
    let forwarder = history.forwarder(clock, Pace::default())?;
    Ok((
        journal,
        Arc::new(history),
        Some((forwarder, settings.retention)),
    ))
}

fn settings(config: &Config, store: &str) -> Settings {
    let micros = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    Settings {
        store: store.to_owned(),
        old_news_us: micros(config.timers.old_news),
        hold_us: micros(config.timers.hold),
        slot_grace: config.timers.slot_grace,
        pace: config.timers.pace,
        hub: Arc::new(SiteState::new(trouble::site(
            config.time_zone.clone(),
            config.recipients.clone(),
        ))),
    }
}

/// One hub a data directory: two would acknowledge past each other.
pub fn lock(data: &Path) -> Result<File, ServeError> {
    let wrong = |source| ServeError::Data {
        path: data.to_owned(),
        source,
    };
    fs::create_dir_all(data).map_err(wrong)?;
    let file = File::create(data.join("lock")).map_err(wrong)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServeError::Taken(data.to_owned())),
        Err(TryLockError::Error(error)) => Err(wrong(error)),
    }
}

/// Starts the embedded broker if there is to be one; answers where the broker is.
async fn begin_broker(
    config: &Config,
    clock: Clock,
) -> Result<(Option<SocketAddr>, String, u16), ServeError> {
    match &config.broker.kind {
        BrokerKind::External { host, port } => Ok((None, host.clone(), *port)),
        BrokerKind::Embedded { listen } => {
            let listen = *listen;
            let started = spawn_blocking(move || broker::start(listen, clock)).await;
            let listen = started.map_err(|_| ServeError::Ended("embedded broker"))??;
            Ok((Some(listen), listen.ip().to_string(), listen.port()))
        }
    }
}

/// Until the hub stops, or the embedded broker is dead. Another broker is watched by its client.
async fn watch_broker(
    embedded: Option<SocketAddr>,
    config: &Config,
    health: &Arc<Health>,
    stop: &CancellationToken,
) -> bool {
    match embedded {
        Some(listen) => {
            let every = config.timers.canary;
            canary(listen, every, Arc::clone(health), stop.clone()).await
        }
        None => {
            stop.cancelled().await;
            true
        }
    }
}

/// Runs work that waits for disks or clocks on a thread of its own. The token tells when it ended,
/// by a panic too.
fn on_thread(
    name: &'static str,
    work: impl FnOnce() + Send + 'static,
) -> Result<CancellationToken, ServeError> {
    let ended = CancellationToken::new();
    let guard = ended.clone().drop_guard();
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let _guard = guard;
            work();
        })
        .map_err(|source| ServeError::Thread { name, source })?;
    Ok(ended)
}

/// Tells other programs where the hub is: `hub.json` beside the journal, whole or not at all.
fn announce(data: &Path, http: SocketAddr, mqtt: &str) -> Result<(), ServeError> {
    let said = serde_json::json!({
        "http": http.to_string(),
        "mqtt": mqtt,
        "pid": std::process::id(),
    });
    let (new, file) = (data.join("hub.json.new"), data.join("hub.json"));
    fs::write(&new, said.to_string())
        .and_then(|()| fs::rename(&new, &file))
        .map_err(|source| ServeError::Data { path: file, source })
}
