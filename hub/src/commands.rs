//! What people change: through the engine like everything else, answered when it is durable.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gatepost_dashboard::ports::{Change, Command, CommandError, SiteCommand};
use tokio::{sync::mpsc, time::timeout};

use crate::{core::input::Input, engine::Answers};

/// So long a person waits for the journal.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way of commands to the engine.
#[derive(Debug)]
pub struct Commands {
    queue: mpsc::Sender<Input>,
    answers: Arc<Answers>,
    tickets: AtomicU64,
}

impl Commands {
    /// Commands go into `queue`, and answers come by ticket.
    pub fn new(queue: mpsc::Sender<Input>, answers: Arc<Answers>) -> Self {
        Self {
            queue,
            answers,
            tickets: AtomicU64::new(0),
        }
    }
}

impl SiteCommand for Commands {
    fn command(&self, command: Command) -> Change {
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        let (queue, answers) = (self.queue.clone(), Arc::clone(&self.answers));
        Box::pin(async move {
            let waiting = answers.wait(ticket);
            let asked = async {
                queue.send(Input::Command { ticket, command }).await.ok()?;
                waiting.await.ok()
            };
            let answer = timeout(PATIENCE, asked).await;
            answers.forget(ticket);
            let why = match answer {
                Ok(Some(answer)) => return answer,
                Ok(None) => "the hub is stopping",
                Err(_) => "the journal takes too long; look at the alert before you try again",
            };
            Err(CommandError::Unavailable(why.to_owned()))
        })
    }
}
