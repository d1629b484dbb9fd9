//! A TCP proxy that does to a connection what networks do: cuts it, stalls it, loses one end of it,
//! eats bytes out of it, or lets nobody in.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What the proxy does to everything that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Lets it pass.
    Pass,
    /// Holds it back; nothing is lost.
    Stall,
    /// The broker's side is gone without a word: what units send is swallowed.
    HalfOpen,
    /// New connections are closed at once.
    Refuse,
}

/// What can be done to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// All are closed at once.
    Cut,
    /// All stand still for a while.
    Stall(Duration),
    /// Their other side is gone for a while, and nobody says so.
    HalfOpen(Duration),
    /// All are closed, and for a while none can be made.
    Refuse(Duration),
    /// The next bytes of one direction are lost: to the broker, or from it.
    Drop {
        /// How many.
        bytes: usize,
        /// Which way.
        to_broker: bool,
    },
}

/// A proxy before a broker.
#[derive(Debug)]
pub struct ChaosProxy {
    address: String,
    shared: Shared,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Debug, Clone)]
struct Shared {
    mode: watch::Sender<Mode>,
    /// Rises when all connections are to be closed.
    cuts: watch::Sender<u64>,
    /// Bytes to be eaten: to the broker, from the broker.
    eat: Arc<[AtomicUsize; 2]>,
}

impl ChaosProxy {
    /// Listens on a free port of this machine and passes everything on to `HOST:PORT`.
    pub async fn start(upstream: String) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .context("the chaos proxy")?;
        let proxy = Self {
            address: listener.local_addr()?.to_string(),
            shared: Shared {
                mode: watch::Sender::new(Mode::Pass),
                cuts: watch::Sender::new(0),
                eat: Arc::default(),
            },
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let (shared, stop, tasks) = (
            proxy.shared.clone(),
            proxy.stop.clone(),
            proxy.tasks.clone(),
        );
        proxy.tasks.spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = stop.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((unit, _)) = accepted else { continue };
                tasks.spawn(connection(
                    unit,
                    upstream.clone(),
                    shared.clone(),
                    stop.clone(),
                ));
            }
        });
        Ok(proxy)
    }

    /// Where units find it.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Does something to all connections, and takes it back when its time is over.
    pub async fn inflict(&self, fault: Fault) {
        match fault {
            Fault::Cut => self.cut(),
            Fault::Stall(span) => self.while_in(Mode::Stall, span).await,
            Fault::HalfOpen(span) => {
                self.while_in(Mode::HalfOpen, span).await;
                self.cut();
            }
            Fault::Refuse(span) => {
                self.cut();
                self.while_in(Mode::Refuse, span).await;
            }
            Fault::Drop { bytes, to_broker } => {
                self.shared.eat[usize::from(!to_broker)].fetch_add(bytes, Ordering::Relaxed);
            }
        }
    }

    /// Ends it and every connection.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn cut(&self) {
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
    }

    async fn while_in(&self, mode: Mode, span: Duration) {
        self.shared.mode.send_replace(mode);
        sleep(span).await;
        self.shared.mode.send_replace(Mode::Pass);
    }
}

async fn connection(unit: TcpStream, upstream: String, shared: Shared, stop: CancellationToken) {
    if *shared.mode.borrow() == Mode::Refuse {
        return;
    }
    let mut cuts = shared.cuts.subscribe();
    // What is still to be lost was lost with the connections before: a new one begins whole, else
    // nobody could ever connect again.
    for eat in shared.eat.iter() {
        eat.store(0, Ordering::Relaxed);
    }
    let Ok(broker) = TcpStream::connect(upstream).await else {
        return;
    };
    // What is sent is to arrive at once: the proxy adds faults and no delays.
    let _ = (unit.set_nodelay(true), broker.set_nodelay(true));
    let (from_unit, to_unit) = unit.into_split();
    let (from_broker, to_broker) = broker.into_split();
    let mode = || shared.mode.subscribe();
    tokio::select! {
        () = stop.cancelled() => {}
        _ = cuts.changed() => {}
        () = pump(from_unit, to_broker, mode(), &shared.eat[0]) => {}
        () = pump(from_broker, to_unit, mode(), &shared.eat[1]) => {}
    }
}

/// Passes bytes on until one end closes.
async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<Mode>,
    eat: &AtomicUsize,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        let Ok(now) = mode
            .wait_for(|mode| *mode != Mode::Stall)
            .await
            .map(|mode| *mode)
        else {
            return;
        };
        if now == Mode::HalfOpen {
            continue;
        }
        let eaten = eat
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                Some(left.saturating_sub(read))
            })
            .unwrap_or(0)
            .min(read);
        if to.write_all(&buffer[eaten..read]).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An echo behind a proxy, and a connection to it.
    async fn rig() -> (ChaosProxy, TcpListener) {
        let echo = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = echo.local_addr().unwrap().to_string();
        (ChaosProxy::start(address).await.unwrap(), echo)
    }

    #[tokio::test]
    async fn bytes_pass_are_eaten_and_connections_are_cut() {
        let (proxy, upstream) = rig().await;
        let mut unit = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut broker, _) = upstream.accept().await.unwrap();
        let mut got = [0; 4];
        unit.write_all(b"abcd").await.unwrap();
        broker.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"abcd");
        let to_broker = true;
        proxy
            .inflict(Fault::Drop {
                bytes: 2,
                to_broker,
            })
            .await;
        unit.write_all(b"efghij").await.unwrap();
        broker.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"ghij");
        proxy.inflict(Fault::Cut).await;
        assert_eq!(unit.read(&mut got).await.unwrap(), 0);
        assert_eq!(broker.read(&mut got).await.unwrap(), 0);
        proxy.stop().await;
    }

    #[tokio::test]
    async fn a_stall_holds_back_and_a_half_open_connection_swallows() {
        let (proxy, upstream) = rig().await;
        let mut unit = TcpStream::connect(proxy.address()).await.unwrap();
        let (mut broker, _) = upstream.accept().await.unwrap();
        let mut got = [0; 2];
        let short = Duration::from_millis(50);
        let (_, sent) = tokio::join!(proxy.inflict(Fault::Stall(short)), unit.write_all(b"ab"));
        sent.unwrap();
        broker.read_exact(&mut got).await.unwrap();
        assert_eq!(&got, b"ab");
        let (_, sent) = tokio::join!(proxy.inflict(Fault::HalfOpen(short)), unit.write_all(b"cd"));
        sent.unwrap();
        assert_eq!(broker.read(&mut got).await.unwrap(), 0, "cut in the end");
        proxy.stop().await;
    }
}
