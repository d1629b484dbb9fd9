//! Messages on their way to people: takes what the core wants sent, asks the channel to, and tells
//! the core what the channel said. Policy (who, when, how often, again) is the core's alone.

mod alive;
mod channel;
mod dingtalk;
mod email;
mod feishu;
pub(crate) mod http;
mod sign;
mod template;
mod text;
mod webhook;
mod wecom;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use tokio::{
    sync::{Notify, mpsc},
    task::JoinSet,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    clock::Clock,
    core::{
        Core,
        input::Input,
        paging::{Dispatch, Failure},
    },
};

pub use alive::tell as tell_watchdog;
pub use channel::{Channels, ChannelsError};
pub use template::{Template, TemplateError, Templates};
pub use text::{Text, text_of};

/// So long a channel may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// So long messages under way are waited for when the hub stops; what did not come to an end is sent
/// again, and says so.
const FAREWELL: Duration = Duration::from_secs(4);

/// What the core wants sent: one at most for each address, so it never grows beyond their number.
#[derive(Debug, Default)]
pub struct ToSend {
    waiting: Mutex<VecDeque<Dispatch>>,
    filled: Notify,
}

impl ToSend {
    /// Puts one in. Never waits.
    pub fn put(&self, dispatch: Dispatch) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push_back(dispatch);
        drop(waiting);
        self.filled.notify_one();
    }

    /// The next, as soon as there is one. Cancel-safe: it is taken out at the end.
    async fn next(&self) -> Dispatch {
        loop {
            let filled = self.filled.notified();
            let next = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.pop_front()
            };
            if let Some(dispatch) = next {
                return dispatch;
            }
            filled.await;
        }
    }
}

/// The part that sends.
#[derive(Debug)]
pub struct Notifier {
    /// The ways to people.
    pub channels: Arc<Channels>,
    /// What is to be sent.
    pub to_send: Arc<ToSend>,
    /// What is known: texts are made from it.
    pub core: Arc<RwLock<Core>>,
    /// Where it is told what came of it.
    pub queue: mpsc::Sender<Input>,
    /// Time.
    pub clock: Clock,
}

impl Notifier {
    /// Sends until it is told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                dispatch = self.to_send.next() => self.begin(&mut under_way, dispatch),
                Some(_) = under_way.join_next(), if !under_way.is_empty() => {}
            }
        }
        let rest = async { while under_way.join_next().await.is_some() {} };
        if timeout(FAREWELL, rest).await.is_err() {
            warn!("messages under way are sent again when the hub starts");
        }
    }

    fn begin(&self, under_way: &mut JoinSet<()>, dispatch: Dispatch) {
        let text = {
            let core = self.core.read().unwrap_or_else(PoisonError::into_inner);
            text_of(
                core.state(),
                &dispatch,
                self.channels.templates(&dispatch.address.channel),
            )
        };
        let (channels, queue) = (Arc::clone(&self.channels), self.queue.clone());
        let now = self.clock.now();
        under_way.spawn(async move {
            let id = dispatch.id;
            let sending = channels.send(&dispatch, &text, now);
            let result = timeout(PATIENCE, sending).await.unwrap_or_else(|_| {
                Err(Failure::Retry {
                    after_us: None,
                    why: format!("no answer within {} s", PATIENCE.as_secs()),
                })
            });
            match &result {
                Ok(receipt) => debug!(dispatch = id, receipt, "sent"),
                Err(failure) => {
                    let channel = &dispatch.address.channel;
                    warn!(dispatch = id, channel, why = failure.why(), "not sent");
                }
            }
            // An engine that has ended finds the message under way when it starts again.
            drop(
                queue
                    .send(Input::Sent {
                        dispatch: id,
                        result,
                    })
                    .await,
            );
        });
    }
}

#[cfg(test)]
mod tests;
