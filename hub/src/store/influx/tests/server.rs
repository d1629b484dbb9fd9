//! One real InfluxDB 2 for all tests, a bucket for each.

use std::{
    ops::Deref,
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use influxd::{Influxd, ORG, TOKEN};

use crate::store::influx::{Client, Place};

/// The server; none where there is no program to run.
pub(super) fn server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let start = || {
        Some(Server {
            influxd: Influxd::start()?,
            buckets: AtomicU64::new(0),
        })
    };
    SERVER.get_or_init(start).as_ref()
}

pub(super) struct Server {
    influxd: Influxd,
    buckets: AtomicU64,
}

impl Deref for Server {
    type Target = Influxd;

    fn deref(&self) -> &Influxd {
        &self.influxd
    }
}

impl Server {
    /// A place of its own, whose bucket is not made yet.
    pub(super) fn place(&self) -> Place {
        let number = self.buckets.fetch_add(1, Ordering::Relaxed);
        let token_file: PathBuf = self.token_file(&format!("token-{number}"), TOKEN);
        Place {
            url: self.url().to_owned(),
            org: ORG.to_owned(),
            bucket: format!("bucket {number}"),
            token_file,
            ca_file: None,
        }
    }

    /// A client with an empty bucket of its own.
    pub(super) fn client(&self) -> Arc<Client> {
        let client = Client::new(self.place()).unwrap();
        client.set_up(None).unwrap();
        Arc::new(client)
    }
}
