//! The service manager's side of the agent: that it is ready, and that its loop still turns.
//!
//! The protocol is `sd_notify(3)`: datagrams to the socket that the environment names. The watchdog
//! is fed by the agent's one loop and by nothing else: a loop that hangs, or a board whose thread
//! hangs, is not hidden by a timer that runs well.

use std::{
    env,
    ffi::OsStr,
    os::{
        linux::net::SocketAddrExt,
        unix::{
            ffi::OsStrExt,
            net::{SocketAddr, UnixDatagram},
        },
    },
    path::Path,
    process,
    time::Duration,
};

/// The link to the service manager; without one every word goes nowhere.
#[derive(Debug, Default)]
pub struct ServiceManager {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// As the environment says: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
    pub fn from_env() -> Self {
        let meant = env::var("WATCHDOG_PID").map_or(true, |pid| pid == process::id().to_string());
        let watchdog = env::var("WATCHDOG_USEC")
            .ok()
            .filter(|_| meant)
            .and_then(|micros| micros.parse().ok());
        env::var_os("NOTIFY_SOCKET").map_or_else(Self::default, |address| {
            Self::at(&address, watchdog.map(Duration::from_micros))
        })
    }

    /// A service manager at an address: a path, or an abstract name after `@`.
    fn at(address: &OsStr, watchdog: Option<Duration>) -> Self {
        let connected = match address.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(Path::new(address)),
        }
        .and_then(|address| {
            let socket = UnixDatagram::unbound()?;
            socket.connect_addr(&address)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        match connected {
            Ok(socket) => Self {
                socket: Some(socket),
                watchdog,
            },
            Err(error) => {
                tracing::warn!(error = %error, "the service manager cannot be reached");
                Self::default()
            }
        }
    }

    /// How often the watchdog is to be fed: twice in its time.
    pub fn feed_every(&self) -> Option<Duration> {
        self.watchdog.map(|watchdog| watchdog / 2)
    }

    /// The inputs are watched from here on.
    pub fn ready(&self) {
        self.say("READY=1");
    }

    /// The loop turns.
    pub fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    /// The end is wanted.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    fn say(&self, word: &str) {
        if let Some(socket) = &self.socket {
            // A service manager that does not listen will act on its own.
            let _ = socket.send(word.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_arrive_and_without_a_manager_go_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let service = ServiceManager::at(path.as_os_str(), Some(Duration::from_secs(10)));
        assert_eq!(service.feed_every(), Some(Duration::from_secs(5)));
        service.ready();
        service.alive();
        let mut word = [0; 32];
        let mut next = || {
            let length = manager.recv(&mut word).unwrap();
            String::from_utf8_lossy(&word[..length]).into_owned()
        };
        assert_eq!([next(), next()], ["READY=1", "WATCHDOG=1"]);

        let nobody = ServiceManager::at(OsStr::new("/nowhere/at/all"), None);
        nobody.alive();
        assert_eq!(nobody.feed_every(), None);
    }
}
