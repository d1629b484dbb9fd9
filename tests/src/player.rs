//! Plays a unit's life to its simulated board, and hears what the unit confirms.
//!
//! While a life is behind the world's clock (its history, or a pause of the demo) it is played as
//! fast as the unit takes it, with the link down; then the link comes up and it is played in step,
//! a tick every 20 ms at least.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    net::{UnixStream, unix::OwnedWriteHalf},
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::{
    board::{Heard, listen},
    clock::WorldClock,
    journal::Journal,
    world::{
        day::{HOUR, Happening, Signal, WallUs, seconds},
        life::{Life, Played},
        truth::{Truth, What},
    },
};

/// A live world ticks at least this often.
const TICK: Duration = Duration::from_millis(20);
/// Bytes that are written at once.
const ROOM: usize = 64 * 1024;
/// How far a life may be played beyond what the unit has confirmed, in bytes: so that a killed unit
/// does not take days of history with it.
const WINDOW: usize = 4 * 1024 * 1024;
/// How much of the world's time is reserved at once while it is behind.
const STRIDE: i64 = 12 * HOUR;
/// How long a unit may take to confirm before its power is cut by the script, or the world ends.
const CONFIRM: Duration = Duration::from_secs(3);

/// What the control page asks of a unit's world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// The unit's power is cut; whoever says so kills its process as well.
    Unplug,
    /// Its power comes back, as a new boot.
    Replug,
    /// Its link to the broker is cut.
    CutLink,
    /// The link holds again.
    RestoreLink,
    /// Somebody with a fever comes to be measured.
    Feverish,
    /// The next round is not done.
    SkipRound,
}

/// Plays one life.
pub struct Player {
    life: Life,
    from: WallUs,
    /// Its key in the journal.
    key: String,
    socket: PathBuf,
    clock: WorldClock,
    journal: Arc<Journal>,
    commands: mpsc::Receiver<Command>,
    /// Keeps the channel open when nobody else can ask.
    _ask: mpsc::Sender<Command>,
    progress: watch::Sender<Progress>,
    /// It is written down that the life is played to here.
    reserved: WallUs,
}

/// Where a player stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Everything before was played.
    pub position: WallUs,
    /// It has caught up with the world's clock, and the link was permitted.
    pub live: bool,
    /// The unit has power.
    pub powered: bool,
    /// The link was cut by hand.
    pub link_cut: bool,
    /// An agent is listening.
    pub attached: bool,
}

/// What a session needs besides the player.
struct Session {
    write: OwnedWriteHalf,
    heard: watch::Receiver<Heard>,
    /// Bytes written since the unit last confirmed something.
    unconfirmed: usize,
    _reader: DropGuard,
}

/// Why a session ended.
enum Ended {
    Gone,
    Unplugged,
    Stopped,
}

/// A player's other side: what is asked of it, and where it stands.
#[derive(Debug, Clone)]
pub struct Remote {
    commands: mpsc::Sender<Command>,
    progress: watch::Receiver<Progress>,
}

impl Remote {
    /// Asks something of the unit's world.
    pub async fn ask(&self, command: Command) {
        // A player that has ended wants nothing any more.
        let _ = self.commands.send(command).await;
    }

    /// Where the player stands.
    pub fn progress(&self) -> Progress {
        *self.progress.borrow()
    }
}

/// Commands that wait: a person at the control page is slower than the world.
const COMMANDS: usize = 16;

impl Player {
    /// A player of a life that is played to nobody before `from`, and its other side.
    pub fn new(
        life: Life,
        from: WallUs,
        key: String,
        socket: PathBuf,
        clock: WorldClock,
        journal: Arc<Journal>,
    ) -> (Self, Remote) {
        let (ask, commands) = mpsc::channel(COMMANDS);
        let (progress, stands) = watch::channel(Progress::default());
        let player = Self {
            life,
            from,
            key,
            socket,
            clock,
            journal,
            commands,
            _ask: ask.clone(),
            progress,
            reserved: WallUs::MIN,
        };
        let remote = Remote {
            commands: ask,
            progress: stands,
        };
        (player, remote)
    }

    /// Plays until it is told to stop; then waits for the last confirmation, and tells and keeps
    /// everything.
    pub async fn run(mut self, stop: CancellationToken) -> io::Result<()> {
        let mut truths = Vec::new();
        self.life
            .play(self.from, usize::MAX, None, &mut Vec::new(), &mut truths);
        self.journal.tell(&mut truths)?;
        let position = self.life.position();
        self.progress.send_modify(|progress| {
            progress.position = position;
            progress.powered = true;
        });
        loop {
            while !self.progress.borrow().powered {
                tokio::select! {
                    () = stop.cancelled() => return self.end(&mut truths),
                    Some(command) = self.commands.recv() => self.handle(command, None, &mut truths).await?,
                }
            }
            let stream = tokio::select! {
                () = stop.cancelled() => return self.end(&mut truths),
                stream = self.connect(&mut truths) => stream?,
            };
            let Some(stream) = stream else { continue };
            let ended = self.session(stream, &stop, &mut truths).await?;
            self.progress
                .send_modify(|progress| progress.attached = false);
            match ended {
                Ended::Gone => self.life.lose(&mut truths),
                Ended::Unplugged => {}
                Ended::Stopped => return self.end(&mut truths),
            }
            self.journal.tell(&mut truths)?;
        }
    }

    fn end(&mut self, truths: &mut Vec<Truth>) -> io::Result<()> {
        self.life.leave(truths);
        self.journal.tell(truths)?;
        let position = self.life.position();
        self.journal.keep(&self.key, self.life.kept(position))
    }

    /// Waits for an agent; none if a command took the power away meanwhile.
    async fn connect(&mut self, truths: &mut Vec<Truth>) -> io::Result<Option<UnixStream>> {
        loop {
            if let Ok(stream) = UnixStream::connect(&self.socket).await {
                return Ok(Some(stream));
            }
            if let Ok(Some(command)) = timeout(TICK, self.commands.recv()).await {
                self.handle(command, None, truths).await?;
                if !self.progress.borrow().powered {
                    return Ok(None);
                }
            }
        }
    }

    async fn session(
        &mut self,
        stream: UnixStream,
        stop: &CancellationToken,
        truths: &mut Vec<Truth>,
    ) -> io::Result<Ended> {
        let (read, write) = stream.into_split();
        let (say, heard) = watch::channel(Heard::default());
        let reader_stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(listen(read, say, reader_stop.clone()));
        let mut session = Session {
            write,
            heard,
            unconfirmed: 0,
            _reader: reader_stop.drop_guard(),
        };
        self.attach(&mut session, truths).await?;
        loop {
            if stop.is_cancelled() {
                self.drain(&mut session, truths).await?;
                return Ok(Ended::Stopped);
            }
            if self.step(&mut session, truths).await? == Step::Gone {
                return Ok(Ended::Gone);
            }
            if !self.progress.borrow().live {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(TICK) => {}
                Some(command) = self.commands.recv() => {
                    self.handle(command, Some(&mut session), truths).await?;
                    if !self.progress.borrow().powered {
                        return Ok(Ended::Unplugged);
                    }
                }
            }
        }
    }

    async fn attach(&mut self, session: &mut Session, truths: &mut Vec<Truth>) -> io::Result<()> {
        let live = self.progress.borrow().live;
        let at = if live {
            self.clock.now()
        } else {
            self.life.position()
        };
        self.reserve(at, truths)?;
        let mut out = Vec::new();
        self.life.attach(at, &mut out, truths);
        self.life
            .link(live && !self.progress.borrow().link_cut, &mut out);
        self.progress
            .send_modify(|progress| progress.attached = true);
        self.write(session, &out, truths).await.map(|_| ())
    }

    /// Plays on as far as it should now.
    async fn step(&mut self, session: &mut Session, truths: &mut Vec<Truth>) -> io::Result<Step> {
        let now = self.clock.now();
        let position = self.life.position();
        let live = self.progress.borrow().live;
        let until = if live {
            now
        } else {
            now.min(position + STRIDE)
        };
        self.reserve(until, truths)?;
        let cuts = (!live).then_some(now - self.clock.micros(Duration::from_secs(2)));
        loop {
            let mut out = Vec::new();
            let played = self.life.play(until, ROOM, cuts, &mut out, truths);
            if self.write(session, &out, truths).await? == Step::Gone {
                return Ok(Step::Gone);
            }
            match played {
                Played::All => break,
                Played::Full => self.wait_for_room(session, truths).await?,
                Played::PowerCut(to) => {
                    self.wait_confirmed(session, truths).await?;
                    self.life.cut_power(truths);
                    self.reserve(to, truths)?;
                    self.life.restore_power(to, truths);
                    let mut out = Vec::new();
                    self.life.attach(to, &mut out, truths);
                    self.life.link(false, &mut out);
                    if self.write(session, &out, truths).await? == Step::Gone {
                        return Ok(Step::Gone);
                    }
                }
            }
        }
        let behind = self.clock.now() - self.life.position();
        if !live && behind < self.clock.micros(Duration::from_millis(250)) {
            self.progress.send_modify(|progress| progress.live = true);
            let mut out = Vec::new();
            self.life.link(!self.progress.borrow().link_cut, &mut out);
            self.write(session, &out, truths).await?;
        }
        let position = self.life.position();
        self.progress
            .send_modify(|progress| progress.position = position);
        self.journal.tell(truths)?;
        Ok(Step::On)
    }

    /// Makes sure that it is written down before the life is played to `until`.
    fn reserve(&mut self, until: WallUs, truths: &mut Vec<Truth>) -> io::Result<()> {
        if until <= self.reserved {
            return Ok(());
        }
        // What is kept counts them as told.
        self.journal.tell(truths)?;
        let ahead = until + self.clock.micros(Duration::from_secs(3));
        self.reserved = ahead;
        self.journal.keep(&self.key, self.life.kept(ahead))
    }

    async fn write(
        &mut self,
        session: &mut Session,
        bytes: &[u8],
        truths: &mut Vec<Truth>,
    ) -> io::Result<Step> {
        session.unconfirmed += bytes.len();
        let gone = async { session.heard.wait_for(|heard| heard.closed).await.is_ok() };
        let written = tokio::select! {
            written = session.write.write_all(bytes) => written.is_ok(),
            _ = gone => false,
        };
        self.take_heard(session, truths);
        let closed = session.heard.borrow().closed;
        Ok(if written && !closed {
            Step::On
        } else {
            Step::Gone
        })
    }

    fn take_heard(&mut self, session: &mut Session, truths: &mut Vec<Truth>) {
        if session.heard.has_changed().unwrap_or(false) {
            session.unconfirmed = 0;
        }
        let heard = session.heard.borrow_and_update().clone();
        if heard.boot.as_ref() == Some(self.life.boot()) {
            self.life.confirmed(heard.durable, truths);
        }
    }

    async fn wait_for_room(
        &mut self,
        session: &mut Session,
        truths: &mut Vec<Truth>,
    ) -> io::Result<()> {
        if session.unconfirmed > WINDOW {
            // Something open may hold back the confirmation for longer: then it goes on all the same.
            let _ = timeout(CONFIRM, session.heard.changed()).await;
            session.unconfirmed = 0;
            self.take_heard(session, truths);
        }
        self.journal.tell(truths)
    }

    async fn wait_confirmed(
        &mut self,
        session: &mut Session,
        truths: &mut Vec<Truth>,
    ) -> io::Result<()> {
        let deadline = crate::clock::Deadline::after(CONFIRM);
        self.take_heard(session, truths);
        while !self.life.is_confirmed() && !deadline.is_over() && !session.heard.borrow().closed {
            let _ = timeout(deadline.left(), session.heard.changed()).await;
            self.take_heard(session, truths);
        }
        self.journal.tell(truths)
    }

    /// The last tick, and its confirmation.
    async fn drain(&mut self, session: &mut Session, truths: &mut Vec<Truth>) -> io::Result<()> {
        if self.progress.borrow().live {
            let mut out = Vec::new();
            let now = self.clock.now();
            self.reserve(now, truths)?;
            self.life.play(now, usize::MAX, None, &mut out, truths);
            self.write(session, &out, truths).await?;
        }
        self.wait_confirmed(session, truths).await
    }

    async fn handle(
        &mut self,
        command: Command,
        session: Option<&mut Session>,
        truths: &mut Vec<Truth>,
    ) -> io::Result<()> {
        let mut out = Vec::new();
        match command {
            Command::Unplug => {
                self.life.cut_power(truths);
                self.progress.send_modify(|progress| {
                    progress.powered = false;
                    progress.attached = false;
                });
            }
            Command::Replug => {
                if !self.progress.borrow().powered {
                    let now = self.clock.now();
                    self.reserve(now, truths)?;
                    self.life.restore_power(now, truths);
                    self.progress
                        .send_modify(|progress| progress.powered = true);
                }
            }
            Command::CutLink | Command::RestoreLink => {
                let cut = command == Command::CutLink;
                self.progress
                    .send_modify(|progress| progress.link_cut = cut);
                let live = self.progress.borrow().live;
                self.life.link(live && !cut, &mut out);
            }
            Command::Feverish => self.send_feverish(),
            Command::SkipRound => {
                self.life.skip_round();
            }
        }
        self.journal.tell(truths)?;
        if let Some(session) = session {
            self.write(session, &out, truths).await?;
        }
        Ok(())
    }

    /// Somebody feverish steps before the thermometer in a moment, and is measured three times.
    fn send_feverish(&mut self) {
        let now = self.life.position();
        for (after_s, skin_c) in [(0.3, 37.2), (4.3, 37.4), (8.4, 37.3)] {
            let at = now + seconds(after_s);
            let screening = Happening {
                lane: Some("people"),
                person: Some("sent".to_owned()),
                body_c: Some(39.1),
                skin_c: Some(skin_c),
                ..Happening::new(What::Screening, at)
            };
            self.life.inject(
                screening,
                vec![(at, Signal::Skin("people-ir", skin_c, 18.0))],
            );
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    On,
    Gone,
}
