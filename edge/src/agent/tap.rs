//! What the agent sees, for whoever looks at the unit: a socket beside the spool that says every input
//! in its recorded form, from how things stand now.
//!
//! It is one-way. Whoever does not read what he is told is let go; the agent waits for nobody.

use std::{fs, io, path::Path};

use tokio::net::{UnixListener, UnixStream};

/// The socket's name in the data directory.
pub const NAME: &str = "watch.sock";
/// So many look at once.
const CLIENTS: usize = 4;
/// Who has so much unread is let go.
const MAX_UNREAD: usize = 4 * 1024 * 1024;

/// The socket and who listens to it.
#[derive(Debug)]
pub(super) struct Tap {
    listener: Option<UnixListener>,
    clients: Vec<Client>,
}

#[derive(Debug)]
struct Client {
    stream: UnixStream,
    unread: Vec<u8>,
}

impl Tap {
    /// Listens in a data directory that is locked. Without the socket nobody can look, and the unit
    /// works on.
    pub(super) fn listen(data: &Path) -> Self {
        let listener = bind(&data.join(NAME))
            .inspect_err(|error| tracing::warn!(error = %error, "nobody can look at the inputs"))
            .ok();
        Self {
            listener,
            clients: Vec::new(),
        }
    }

    /// Waits for somebody who wants to look. Cancel-safe: he is taken or still waits.
    pub(super) async fn accept(&self) -> Option<UnixStream> {
        match &self.listener {
            Some(listener) if self.clients.len() < CLIENTS => {
                listener.accept().await.ok().map(|(stream, _)| stream)
            }
            _ => std::future::pending().await,
        }
    }

    /// Somebody looks, beginning with how things stand.
    pub(super) fn join(&mut self, stream: UnixStream, lines: impl Iterator<Item = String>) {
        let mut client = Client {
            stream,
            unread: Vec::new(),
        };
        lines.for_each(|line| client.say(&line));
        self.clients.push(client);
    }

    /// Whether anybody looks.
    pub(super) fn is_watched(&self) -> bool {
        !self.clients.is_empty()
    }

    /// An input, for all who look.
    pub(super) fn say(&mut self, line: &str) {
        self.clients.iter_mut().for_each(|client| client.say(line));
    }

    /// Sends what can be sent at once.
    pub(super) fn flush(&mut self) {
        self.clients.retain_mut(|client| client.flush().is_ok());
    }
}

impl Client {
    fn say(&mut self, line: &str) {
        self.unread.extend_from_slice(line.as_bytes());
        self.unread.push(b'\n');
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unread.is_empty() {
            match self.stream.try_write(&self.unread) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => drop(self.unread.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if self.unread.len() > MAX_UNREAD {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        Ok(())
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    UnixListener::bind(path)
}
