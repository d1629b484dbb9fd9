//! What to send next, and when to begin again: a window of batches beyond the ack.
//!
//! The spool is the queue; nothing is ever lost by forgetting what is under way. So every connect
//! and every silence of the hub rewinds to the ack, and a hub that has taken something twice says
//! so by acking it again. Reading the spool, making the header and publishing are the shell's; the
//! order of use is [`Uplink::poll_send`], publish, [`Uplink::handle_sent`], until there is nothing
//! to send.

use std::{collections::VecDeque, time::Duration};

use crate::time::HostTime;

/// Batches under way beyond the ack: enough to fill a link of some hundred milliseconds, and fewer
/// than the MQTT client's queue holds.
pub const WINDOW: usize = 8;

/// Each rewind in vain doubles the time to the next one, up to this many times the first.
const MAX_PATIENCE: u32 = 16;

/// The machine of one link to the hub.
#[derive(Debug)]
pub struct Uplink {
    ack_timeout: Duration,
    acked: u64,
    next: u64,
    in_flight: VecDeque<InFlight>,
    link: Option<Link>,
}

#[derive(Debug)]
struct InFlight {
    through: u64,
    sent: HostTime,
}

#[derive(Debug)]
struct Link {
    since: HostTime,
    heard: bool,
    /// The last progress, or the last rewind.
    waiting_since: HostTime,
    patience: u32,
}

impl Uplink {
    /// An uplink without a link. After `ack_timeout` without progress it begins again.
    pub fn new(ack_timeout: Duration) -> Self {
        Self {
            ack_timeout,
            acked: 0,
            next: 1,
            in_flight: VecDeque::new(),
            link: None,
        }
    }

    /// A session with the broker begins; the hub has confirmed up to `acked`.
    pub fn handle_connected(&mut self, now: HostTime, acked: u64) {
        self.link = Some(Link {
            since: now,
            heard: false,
            waiting_since: now,
            patience: 1,
        });
        self.rewind(acked);
    }

    /// The session is over.
    pub fn handle_disconnected(&mut self) {
        self.link = None;
        self.in_flight.clear();
    }

    /// The hub has confirmed up to `through`, and the chain agreed. A lower one than before is
    /// obeyed. Returns how long the answer took, if it is known which message it answers.
    pub fn handle_acked(&mut self, now: HostTime, through: u64) -> Option<Duration> {
        let link = self.link.as_mut()?;
        let first = !std::mem::replace(&mut link.heard, true);
        let mut asked = first.then_some(link.since);
        if through < self.acked {
            link.waiting_since = now;
            self.rewind(through);
            return asked.map(|asked| now.since(asked));
        }
        while let Some(front) = self.in_flight.front()
            && front.through <= through
        {
            if front.through == through {
                asked = Some(front.sent);
            }
            self.in_flight.pop_front();
        }
        if through > self.acked {
            link.waiting_since = now;
            link.patience = 1;
        }
        self.acked = through;
        self.next = self.next.max(through + 1);
        asked.map(|asked| now.since(asked))
    }

    /// A new log begins: its first sequence is 1 again.
    pub fn handle_new_log(&mut self, now: HostTime) {
        if let Some(link) = &mut self.link {
            link.waiting_since = now;
            link.patience = 1;
        }
        self.rewind(0);
    }

    fn rewind(&mut self, acked: u64) {
        self.acked = acked;
        self.next = acked + 1;
        self.in_flight.clear();
    }

    /// The sequence with which the next batch begins, if there is something to send and room for
    /// it. `last` is the last sequence on disk.
    pub fn poll_send(&self, last: u64) -> Option<u64> {
        let open = self.link.is_some() && self.in_flight.len() < WINDOW;
        (open && self.next <= last).then_some(self.next)
    }

    /// A batch up to `through` was handed to the client.
    pub fn handle_sent(&mut self, now: HostTime, through: u64) {
        if self.in_flight.is_empty()
            && let Some(link) = &mut self.link
        {
            link.waiting_since = now;
        }
        self.in_flight.push_back(InFlight { through, sent: now });
        self.next = through + 1;
    }

    /// Whether a batch whose header can tell no time may go. The answer to the birth brings the
    /// hub's time and with it bounds; if it does not come, the batch goes without.
    pub fn may_send_timeless(&self, now: HostTime) -> bool {
        self.link
            .as_ref()
            .is_some_and(|link| link.heard || now >= link.since.plus(self.ack_timeout))
    }

    /// When to look again although nothing happened.
    pub fn deadline(&self) -> Option<HostTime> {
        let link = self.link.as_ref()?;
        let rewind = (!self.in_flight.is_empty()).then(|| self.rewind_at(link));
        let unheard = (!link.heard).then(|| link.since.plus(self.ack_timeout));
        [rewind, unheard].into_iter().flatten().min()
    }

    fn rewind_at(&self, link: &Link) -> HostTime {
        link.waiting_since
            .plus(self.ack_timeout.saturating_mul(link.patience))
    }

    /// Begins again at the ack if the hub was silent for too long. Returns whether it did.
    pub fn handle_deadline(&mut self, now: HostTime) -> bool {
        let Some(link) = &self.link else { return false };
        let silent = !self.in_flight.is_empty() && self.rewind_at(link) <= now;
        if let Some(link) = &mut self.link {
            // Looked at once: what waited for the hub's word waits no longer.
            link.heard = link.heard || now >= link.since.plus(self.ack_timeout);
            if silent {
                link.waiting_since = now;
                link.patience = (link.patience * 2).min(MAX_PATIENCE);
            }
        }
        if silent {
            self.rewind(self.acked);
        }
        silent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    fn at(seconds: u64) -> HostTime {
        HostTime(seconds * S)
    }

    /// Sends batches of ten as long as the window is open; gives their first sequences.
    fn send_all(uplink: &mut Uplink, now: HostTime, last: u64) -> Vec<u64> {
        let mut firsts = Vec::new();
        while let Some(first) = uplink.poll_send(last) {
            firsts.push(first);
            uplink.handle_sent(now, (first + 9).min(last));
        }
        firsts
    }

    fn connected() -> Uplink {
        let mut uplink = Uplink::new(Duration::from_secs(10));
        uplink.handle_connected(at(0), 0);
        uplink
    }

    #[test]
    fn the_window_opens_with_acks() {
        let mut uplink = Uplink::new(Duration::from_secs(10));
        assert_eq!(uplink.poll_send(100), None, "no link");
        uplink.handle_connected(at(0), 20);
        assert_eq!(
            send_all(&mut uplink, at(0), 1000),
            [21, 31, 41, 51, 61, 71, 81, 91]
        );
        assert_eq!(uplink.handle_acked(at(1), 40), Some(Duration::from_secs(1)));
        assert_eq!(send_all(&mut uplink, at(1), 1000), [101, 111]);
        assert_eq!(uplink.handle_acked(at(2), 45), None, "between two batches");
    }

    #[test]
    fn every_connect_rewinds_to_the_ack() {
        let mut uplink = connected();
        send_all(&mut uplink, at(0), 30);
        uplink.handle_acked(at(1), 10);
        uplink.handle_disconnected();
        assert_eq!(uplink.deadline(), None);
        uplink.handle_connected(at(5), 10);
        assert_eq!(send_all(&mut uplink, at(5), 30), [11, 21]);
    }

    #[test]
    fn silence_rewinds_with_growing_patience() {
        let mut uplink = connected();
        send_all(&mut uplink, at(0), 5);
        assert!(!uplink.handle_deadline(at(9)));
        assert!(uplink.handle_deadline(at(10)));
        assert_eq!(send_all(&mut uplink, at(10), 5), [1]);
        assert!(!uplink.handle_deadline(at(29)));
        assert!(uplink.handle_deadline(at(30)));
        send_all(&mut uplink, at(30), 5);
        uplink.handle_acked(at(31), 3);
        send_all(&mut uplink, at(31), 5);
        assert_eq!(
            uplink.deadline(),
            Some(at(41)),
            "progress brings patience back"
        );
    }

    #[test]
    fn an_idle_uplink_waits_for_nothing() {
        let mut uplink = connected();
        send_all(&mut uplink, at(0), 5);
        uplink.handle_acked(at(1), 5);
        assert_eq!(uplink.deadline(), None);
        assert!(!uplink.handle_deadline(at(100)));
        send_all(&mut uplink, at(100), 6);
        assert_eq!(
            uplink.deadline(),
            Some(at(110)),
            "the clock starts with the sending"
        );
    }

    #[test]
    fn a_lower_ack_is_obeyed() {
        let mut uplink = connected();
        send_all(&mut uplink, at(0), 50);
        uplink.handle_acked(at(1), 50);
        uplink.handle_acked(at(2), 20);
        assert_eq!(send_all(&mut uplink, at(2), 50), [21, 31, 41]);
    }

    #[test]
    fn an_ack_beyond_what_this_session_sent_moves_on() {
        let mut uplink = connected();
        assert_eq!(uplink.handle_acked(at(1), 40), Some(Duration::from_secs(1)));
        assert_eq!(uplink.poll_send(40), None);
        assert_eq!(uplink.poll_send(41), Some(41));
    }

    #[test]
    fn a_batch_without_time_waits_for_the_hubs_word_but_not_for_ever() {
        let mut uplink = connected();
        assert!(!uplink.may_send_timeless(at(1)));
        assert_eq!(uplink.deadline(), Some(at(10)));
        assert!(uplink.may_send_timeless(at(10)));
        uplink.handle_deadline(at(10));
        assert_eq!(uplink.deadline(), None);
        let mut uplink = connected();
        uplink.handle_acked(at(1), 0);
        assert!(uplink.may_send_timeless(at(1)));
    }
}
