//! Which certificate of the link ends first: told in heartbeats, so that somebody renews it in time.

use std::time::Duration;

use gatepost_model::{
    Wall,
    event::{Certificate, CertificateOf},
};

use crate::{config::Tls, time::HostTime, tls};

/// The unit's own certificate may be renewed while a session lasts: its file is read this often.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What is known of the link's certificates.
#[derive(Debug)]
pub(super) struct Certificates {
    files: Option<Tls>,
    /// A session has begun: until then nobody knows the broker's.
    is_known: bool,
    broker: Option<Wall>,
    own: Option<Wall>,
    look_at: HostTime,
}

impl Certificates {
    /// Nothing is known yet.
    pub(super) fn new(files: Option<Tls>) -> Self {
        Self {
            files,
            is_known: false,
            broker: None,
            own: None,
            look_at: HostTime(0),
        }
    }

    /// A session has begun with a broker whose certificate ends then, if it does.
    pub(super) fn handle_session(&mut self, broker: Option<Wall>) {
        self.is_known = true;
        self.broker = broker;
        self.look_at = HostTime(0);
    }

    /// The one that ends first; none while there is none, or the broker's is not known.
    pub(super) fn first_to_end(&mut self, now: HostTime) -> Option<Certificate> {
        let files = self.files.as_ref().filter(|_| self.is_known)?;
        if now >= self.look_at {
            self.look_at = now.plus(LOOK_EVERY);
            match tls::own_ends(files) {
                Ok(ends) => self.own = ends,
                // The next session says so too.
                Err(error) => tracing::warn!(error = %error, "the unit's own certificate"),
            }
        }
        let named = |of| move |ends| Certificate { of, ends };
        let own = self.own.map(named(CertificateOf::Unit));
        let broker = self.broker.map(named(CertificateOf::Broker));
        own.into_iter()
            .chain(broker)
            .min_by_key(|certificate| certificate.ends)
    }
}
