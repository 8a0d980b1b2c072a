//! Two ends, their applications, and the network between them, step by step.

use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::time::Instant;

use bytes::Bytes;
use prost::Message as _;

use super::fingerprint;
use super::scenario::{Action, Scenario};
use crate::config::{Config, Path, Role, Window};
use crate::end::{ChannelId, LinkEnd, Output};
use crate::error::{FrameError, SendError};
use crate::wire::Frame;

const SCHEDULER: usize = 0;
const EXECUTOR: usize = 1;
const NAMES: [&str; 2] = ["a", "b"];

#[derive(Clone)]
pub(super) struct World {
    scenario: Scenario,
    ends: [LinkEnd; 2],
    /// Each end has a clock of its own.
    now: [Instant; 2],
    apps: [Vec<App>; 2],
    /// The newest frames to each end.
    frames: [VecDeque<Bytes>; 2],
    moves: [u8; 2],
    /// How many notices each end has told, and the newest one that the other has heard.
    told: [u8; 2],
    heard: [u8; 2],
    restarts: u8,
    /// The executor has restarted, and the scheduler does not know.
    is_unnoticed: bool,
}

/// What an application has done on one channel.
#[derive(Debug, Clone, Default, Hash)]
struct App {
    sent: u8,
    is_full: bool,
    has_closed: bool,
    received: u8,
    taken: u8,
    is_closed: bool,
    is_released: bool,
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.hash_ends(state);
        self.frames.hash(state);
        (self.moves, self.restarts).hash(state);
    }
}

/// A world without what is on its way.
struct Ends<'a>(&'a World);

impl Hash for Ends<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash_ends(state);
    }
}

impl World {
    #[expect(
        clippy::disallowed_methods,
        reason = "virtual time has to begin somewhere"
    )]
    pub(super) fn new(scenario: Scenario) -> Self {
        let now = Instant::now();
        let apps = vec![App::default(); scenario.channels];
        let mut world = Self {
            scenario,
            ends: [end(SCHEDULER, 0xa, scenario), end(EXECUTOR, 0xb, scenario)],
            now: [now, now],
            apps: [apps.clone(), apps],
            frames: Default::default(),
            moves: [scenario.moves; 2],
            told: [0; 2],
            heard: [0; 2],
            restarts: scenario.restarts,
            is_unnoticed: false,
        };
        let is_open = |world: &Self| world.ends.iter().all(LinkEnd::is_flushed);
        while scenario.is_open && !(world.ends[EXECUTOR].is_linked() && is_open(&world)) {
            world.connect();
            world.exchange();
        }
        world
    }

    fn hash_ends<H: Hasher>(&self, state: &mut H) {
        self.ends.hash(state);
        (&self.apps, self.is_unnoticed).hash(state);
        (self.told, self.heard).hash(state);
    }

    /// Everything that can happen next.
    pub(super) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for end in [SCHEDULER, EXECUTOR] {
            self.add_app_actions(end, &mut actions);
            if self.ends[end].has_frame() {
                actions.push(Action::Make { end });
            }
            if self.ends[end].poll_timeout().is_some() {
                actions.push(Action::Tick { end });
            }
            let frames = 0..self.frames[end].len();
            actions.extend(frames.map(|frame| Action::Arrive { end, frame }));
            if self.moves[end] > 0 {
                actions.push(Action::Move { end });
            }
        }
        if self.is_unnoticed {
            actions.push(Action::Notice);
        } else if self.restarts > 0 && self.ends.iter().all(LinkEnd::is_linked) {
            actions.push(Action::Restart);
        }
        actions
    }

    fn add_app_actions(&self, end: usize, actions: &mut Vec<Action>) {
        // A new executor does nothing before the link is up.
        if end == EXECUTOR && self.is_unnoticed {
            return;
        }
        for (channel, app) in self.apps[end].iter().enumerate() {
            let is_done = app.sent == self.scenario.messages[end];
            if !is_done && !app.is_full {
                actions.push(Action::Send { end, channel });
            }
            if is_done && !app.has_closed {
                actions.push(Action::Close { end, channel });
            }
            if app.taken < app.received {
                actions.push(Action::Take { end, channel });
            }
        }
        if self.told[end] < self.scenario.notices {
            actions.push(Action::Tell { end });
        }
    }

    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Send { end, channel } => self.send(end, channel),
            Action::Take { end, channel } => {
                self.apps[end][channel].taken += 1;
                self.ends[end].take(id(channel), 1, 1);
            }
            Action::Close { end, channel } => {
                self.apps[end][channel].has_closed = true;
                self.ends[end].close(id(channel));
            }
            Action::Tell { end } => {
                self.told[end] += 1;
                let notice = Bytes::copy_from_slice(&[self.told[end]]);
                assert_eq!(self.ends[end].tell(notice), Ok(()));
            }
            Action::Make { end } => {
                let frame = self.make(end);
                let is_stuck = frame.is_none() && self.ends[end].has_frame();
                assert!(!is_stuck, "no progress");
                self.carry(1 - end, frame);
            }
            Action::Tick { end } => {
                self.tick(end);
                let frame = self.make(end);
                self.carry(1 - end, frame);
            }
            Action::Arrive { end, frame } => {
                let frame = self.frames[end][frame].clone();
                self.arrive(end, frame);
            }
            Action::Move { end } => {
                self.moves[end] -= 1;
                let path = match self.ends[end].path() {
                    Path::Messages => Path::Direct,
                    Path::Direct => Path::Messages,
                };
                self.ends[end].move_to(self.now[end], path);
            }
            Action::Restart => self.restart(),
            Action::Notice => self.notice(),
        }
        self.drain(SCHEDULER);
        self.drain(EXECUTOR);
    }

    fn send(&mut self, end: usize, channel: usize) {
        let taken = self.apps[1 - end][channel].taken;
        let app = &mut self.apps[end][channel];
        let message = Bytes::copy_from_slice(&[app.sent]);
        match self.ends[end].send(id(channel), message) {
            Ok(()) => {
                app.sent += 1;
                let travelling = u32::from(app.sent - taken);
                assert!(travelling <= self.scenario.window, "window exceeded");
            }
            Err(error) => {
                assert_eq!(error, SendError::Full);
                app.is_full = true;
            }
        }
    }

    fn tick(&mut self, end: usize) {
        let due = self.ends[end].poll_timeout().expect("asked before");
        self.now[end] = self.now[end].max(due);
    }

    fn make(&mut self, end: usize) -> Option<Bytes> {
        let bytes = self.ends[end].poll_frame(self.now[end])?;
        // How long the acknowledgement waited matters for times only.
        let mut frame = Frame::decode(bytes).expect("it is one of ours");
        let is_kept_off = self.scenario.direct_only && self.ends[end].path() == Path::Messages;
        assert!(!is_kept_off || frame.sequence == 0, "data by message");
        frame.ack_delay_us = 0;
        Some(Bytes::from(frame.encode_to_vec()))
    }

    fn carry(&mut self, to: usize, frame: Option<Bytes>) {
        let Some(frame) = frame else { return };
        let frames = &mut self.frames[to];
        if !frames.contains(&frame) {
            frames.push_back(frame);
        }
        if frames.len() > self.scenario.frames {
            frames.pop_front();
        }
    }

    fn arrive(&mut self, end: usize, frame: Bytes) {
        match self.ends[end].handle_frame(self.now[end], frame) {
            Ok(()) => {}
            Err(FrameError::OtherIncarnation { .. }) if self.scenario.restarts > 0 => {}
            Err(error) => panic!("frame refused: {error:?}"),
        }
        self.drain(end);
    }

    fn drain(&mut self, end: usize) {
        while let Some(output) = self.ends[end].poll_output() {
            match output {
                Output::Linked { .. } => {}
                Output::Told { notice } => {
                    let number = notice[0];
                    assert!(number <= self.told[1 - end], "never told");
                    assert!(number > self.heard[end], "an older notice, or twice");
                    self.heard[end] = number;
                }
                Output::Offered { .. } => panic!("all channels are open from the start"),
                Output::Message { channel, data } => {
                    let peer = self.apps[1 - end][index(channel)].clone();
                    let app = &mut self.apps[end][index(channel)];
                    assert!(!app.is_closed, "message after the close");
                    assert_eq!(data[..], [app.received], "lost, doubled or reordered");
                    assert!(app.received < peer.sent, "never sent");
                    app.received += 1;
                    let held = u32::from(app.received - app.taken);
                    assert!(held <= self.scenario.window, "window exceeded");
                }
                Output::Closed { channel } => {
                    let peer = self.apps[1 - end][index(channel)].clone();
                    let app = &mut self.apps[end][index(channel)];
                    assert!(peer.has_closed && !app.is_closed);
                    assert_eq!(app.received, peer.sent, "closed before the data");
                    app.is_closed = true;
                }
                Output::Stopped { .. } => panic!("nobody stops"),
                Output::Writable { channel } => {
                    let app = &mut self.apps[end][index(channel)];
                    assert!(app.is_full, "nobody waits for room");
                    app.is_full = false;
                }
                Output::Released { channel, .. } => {
                    self.apps[end][index(channel)].is_released = true
                }
            }
        }
    }

    fn restart(&mut self) {
        self.restarts -= 1;
        self.check_undelivered(EXECUTOR);
        self.ends[EXECUTOR] = end(EXECUTOR, 0x1b, self.scenario);
        self.is_unnoticed = true;
        self.lose_greetings();
    }

    fn notice(&mut self) {
        self.is_unnoticed = false;
        self.check_undelivered(SCHEDULER);
        self.ends[SCHEDULER] = end(SCHEDULER, 0x1a, self.scenario);
        for app in self.apps.iter_mut().flatten() {
            *app = App::default();
        }
        self.told = [0; 2];
        self.heard = [0; 2];
        self.lose_greetings();
    }

    /// Those of an earlier executor never reach the link of a later one: they are told apart by
    /// their ids.
    fn lose_greetings(&mut self) {
        self.frames[SCHEDULER].retain(|frame| {
            let frame = Frame::decode(frame.clone()).expect("it is one of ours");
            frame.to.is_some() || frame.from == 0x1b
        });
    }

    /// Shuts a link and checks what it says was not delivered.
    fn check_undelivered(&mut self, end: usize) {
        let counts = self.ends[end].shut();
        for (channel, app) in self.apps[end].iter().enumerate() {
            let count = counts.iter().find(|count| count.channel == id(channel));
            let count = count.map_or(0, |count| count.messages);
            let taken = u64::from(self.apps[1 - end][channel].taken);
            assert!(count <= u64::from(app.sent), "more than was sent");
            assert!(count <= u64::from(self.scenario.window), "a window at most");
            // Nothing is known any more of what both ends have closed.
            let is_counted = count + taken >= u64::from(app.sent) || app.is_released;
            assert!(is_counted, "dropped in silence");
        }
    }

    /// Whether all has been said and heard, and nothing is left to do.
    pub(super) fn is_complete(&self) -> bool {
        let mut apps = (0..2).flat_map(|end| self.apps[end].iter().map(move |app| (end, app)));
        let mut ends = self.ends.iter();
        apps.all(|(end, app)| {
            app.received == self.scenario.messages[1 - end] && app.is_closed && app.is_released
        }) && self.heard == [self.scenario.notices; 2]
            && ends.all(|end| end.is_flushed() && !end.has_frame() && end.poll_timeout().is_none())
    }

    /// From here on every frame arrives, everybody sends, takes and closes: all must be delivered.
    /// `settled` are the ends of which that is known.
    pub(super) fn settle(&self, settled: &mut HashSet<u64>) {
        let mut way = vec![fingerprint(&Ends(self))];
        if settled.contains(&way[0]) {
            return;
        }
        let mut world = self.clone();
        while !world.is_complete() {
            assert!(
                way.len() < 1000,
                "it never comes to an end: {:?}",
                world.apps
            );
            world.go_on();
            let now = fingerprint(&Ends(&world));
            if settled.contains(&now) {
                break;
            }
            way.push(now);
        }
        settled.extend(way);
    }

    fn go_on(&mut self) {
        if self.is_unnoticed {
            self.act(Action::Notice);
        }
        self.connect();
        for end in [SCHEDULER, EXECUTOR] {
            let mut actions = Vec::new();
            self.add_app_actions(end, &mut actions);
            for action in actions {
                self.act(action);
            }
        }
        self.exchange();
    }

    /// Who carries channels on the direct path only gets one.
    fn connect(&mut self) {
        for end in [SCHEDULER, EXECUTOR] {
            if self.scenario.direct_only && self.ends[end].path() == Path::Messages {
                self.ends[end].move_to(self.now[end], Path::Direct);
            }
        }
    }

    /// Every frame arrives; if there is none, time passes.
    fn exchange(&mut self) {
        let mut is_quiet = true;
        for end in [SCHEDULER, EXECUTOR] {
            while let Some(frame) = self.make(end) {
                is_quiet = false;
                self.drain(end);
                self.arrive(1 - end, frame);
            }
        }
        for end in [SCHEDULER, EXECUTOR] {
            if is_quiet && self.ends[end].poll_timeout().is_some() {
                self.tick(end);
            }
        }
    }
}

fn end(end: usize, incarnation: u64, scenario: Scenario) -> LinkEnd {
    let config = Config {
        window: Window {
            messages: scenario.window,
            bytes: 100,
        },
        direct_only: scenario.direct_only,
        ..Config::new()
    };
    let role = [Role::Scheduler, Role::Executor][end];
    let mut link_end = LinkEnd::new(role, incarnation, config);
    for (channel, name) in NAMES.iter().take(scenario.channels).enumerate() {
        assert_eq!(link_end.open(name), Ok(id(channel)));
    }
    link_end
}

/// Both ends open the channels in the same order, so they have the same numbers.
fn id(channel: usize) -> ChannelId {
    ChannelId::numbered(channel as u32 + 1)
}

fn index(channel: ChannelId) -> usize {
    channel.number() as usize - 1
}
