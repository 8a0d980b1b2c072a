//! Where a guest takes its next turn, decided by what its last ones took: plain values, no clock.
//!
//! The *home* thread gives a tenth of its time to long turns. What it gave beyond that it is *owed*,
//! and until that is paid by the time that passes, guests that may take long turns go beside:
//!
//! ```text
//!              ┌── a long turn ──────────────► computes: beside, for ten times as long at least
//!   a guest ───┤                                   │ and until some short turns in a row
//!              │   the home thread is owed         ▼
//!              ├── a little: beside, unless its last 16 turns were short
//!              ├── much: beside
//!              └── nothing: at home
//! ```
//!
//! So guests that begin together, of which nothing is known, hold up others for one long turn and
//! not for one each; and so do guests that agree on when to compute.

use std::time::{Duration, Instant};

/// A turn that takes longer is a long one. To wake the thread that becomes the home thread takes
/// some 20 µs, for which all others wait: for turns of not much more that gains nothing.
pub(super) const LONG_TURN: Duration = Duration::from_micros(100);

/// Of its time the home thread gives one part in so many to long turns, and a guest that computes
/// has one part in so many of its own at home.
const SHARE: u32 = 10;

/// Owed more, the home thread takes no guest of which too little is known. Less than one turn of a
/// guest that computes, and some turns that are hardly long.
const OWED_BY_UNKNOWN: Duration = Duration::from_millis(1);

/// Owed more, it takes no guest at all: two turns of guests that compute.
const OWED_BY_ANY: Duration = Duration::from_millis(8);

/// It is owed no more, so that after the longest turn others are at home again in 100 ms: beside,
/// turns of that kind may be in their way as well.
const OWED_MAX: Duration = Duration::from_millis(18);

/// So many short turns in a row make a guest known.
const KNOWN: u8 = 16;

/// So many bring one that computed back home.
const BACK_HOME: u8 = 4;

/// A guest whose turns take less than that in the mean is served first beside: half of what one takes
/// that does not wait for anything.
const LIGHT: Duration = Duration::from_micros(2500);

/// What the last turns of one guest took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Conduct {
    has_begun: bool,
    /// Short turns since the last long one, up to [`KNOWN`].
    quiet: u8,
    /// The mean of some of the last turns, in microseconds.
    mean: u32,
    /// It was made to give way, and waits for nothing but its next turn.
    gave_way: bool,
    /// Until when at least it computes, if it does.
    computes_until: Option<Instant>,
}

/// Guests that wait for a place beside, in the order in which they are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Its turns are short, or few are not, and it has waited for something.
    Light,
    /// It has had no turn.
    New,
    /// It computes.
    Heavy,
}

/// Where a guest takes a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// On the thread that all share.
    Home,
    /// On one of its own, for which it waits in this class.
    Beside(Class),
}

/// What the home thread is owed.
#[derive(Debug, Default)]
pub(super) struct Home {
    owed: Duration,
    /// When that was, unless it was never owed anything.
    since: Option<Instant>,
}

impl Home {
    /// Where this guest takes the turn that it wants now.
    pub(super) fn place(&self, guest: &Conduct, now: Instant) -> Place {
        let owed = self.owed(now);
        let is_welcome = match guest {
            guest if guest.computes(now) => false,
            guest if guest.quiet == KNOWN => owed <= OWED_BY_ANY,
            _ => owed <= OWED_BY_UNKNOWN,
        };
        match is_welcome {
            true => Place::Home,
            false => Place::Beside(guest.class()),
        }
    }

    /// It took a turn there, so long.
    pub(super) fn took(&mut self, place: Place, took: Duration, now: Instant) {
        if place == Place::Home && took > LONG_TURN {
            self.owed = self.owed(now).saturating_add(took).min(OWED_MAX);
            self.since = Some(now);
        }
    }

    fn owed(&self, now: Instant) -> Duration {
        let paid = self
            .since
            .map(|since| now.saturating_duration_since(since) / SHARE);
        self.owed.saturating_sub(paid.unwrap_or_default())
    }
}

impl Conduct {
    /// The guest took a turn, so long, until now; does it want another one at once?
    pub(super) fn took(&mut self, took: Duration, wants_more: bool, now: Instant) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.mean = match self.has_begun {
            true => self.mean - self.mean / 4 + micros / 4,
            false => micros,
        };
        self.has_begun = true;
        // After a short turn that is a message which came meanwhile.
        self.gave_way = wants_more && took > LONG_TURN;
        match took > LONG_TURN {
            true => {
                self.quiet = 0;
                // After an hour the next turn may be at home, however long the last one was.
                let pays = took.saturating_mul(SHARE).min(Duration::from_secs(60 * 60));
                self.computes_until = now.checked_add(pays);
            }
            false => self.quiet = (self.quiet + 1).min(KNOWN),
        }
        if !self.computes(now) {
            self.computes_until = None;
        }
    }

    /// Whether it is one that computes, until it has paid for that.
    fn computes(&self, now: Instant) -> bool {
        self.computes_until
            .is_some_and(|until| self.quiet < BACK_HOME || now < until)
    }

    fn class(&self) -> Class {
        match self.has_begun {
            false => Class::New,
            true if self.gave_way => Class::Heavy,
            true if Duration::from_micros(self.mean.into()) < LIGHT => Class::Light,
            true => Class::Heavy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_micros(20);
    const TICK: Duration = Duration::from_millis(5);

    /// A home thread in virtual time.
    struct World {
        home: Home,
        now: Instant,
        /// How long the home thread was held up since it was last asked.
        held_up: Duration,
    }

    impl World {
        fn new() -> Self {
            Self {
                home: Home::default(),
                now: Instant::now(),
                held_up: Duration::ZERO,
            }
        }

        /// The guest takes a turn, so long. Those beside take no time here.
        fn turn(&mut self, guest: &mut Conduct, took: Duration) -> Place {
            let place = self.home.place(guest, self.now);
            if place == Place::Home {
                self.now += took;
                self.held_up += took;
            }
            guest.took(took, took == TICK, self.now);
            self.home.took(place, took, self.now);
            place
        }

        fn turns(&mut self, guest: &mut Conduct, took: Duration, count: usize) {
            for _ in 0..count {
                self.turn(guest, took);
            }
        }

        fn wait(&mut self, wait: Duration) {
            self.now += wait;
        }

        fn held_up(&mut self) -> Duration {
            std::mem::take(&mut self.held_up)
        }
    }

    #[test]
    fn short_turns_are_taken_at_home_by_all() {
        let mut world = World::new();
        for _ in 0..10_000 {
            let mut guest = Conduct::default();
            assert_eq!(world.turn(&mut guest, SHORT), Place::Home);
            assert_eq!(world.turn(&mut guest, LONG_TURN), Place::Home);
        }
    }

    #[test]
    fn of_guests_that_begin_together_and_compute_one_does_so_at_home() {
        let mut world = World::new();
        let mut guests = [Conduct::default(); 2400];
        for guest in &mut guests {
            world.turn(guest, TICK);
        }
        assert_eq!(world.held_up(), TICK);
        // Nor does any of them in its later turns.
        for guest in &mut guests {
            world.wait(TICK);
            assert_eq!(world.turn(guest, TICK), Place::Beside(Class::Heavy));
        }
    }

    #[test]
    fn guests_that_begin_one_after_the_other_and_compute_take_a_tenth_of_the_home_thread() {
        let mut world = World::new();
        let began = world.now;
        for _ in 0..1000 {
            world.wait(Duration::from_millis(2));
            world.turn(&mut Conduct::default(), TICK);
        }
        let (held_up, all) = (world.held_up(), world.now - began);
        assert!(held_up <= all / 8, "{held_up:?} of {all:?}");
    }

    #[test]
    fn a_guest_that_is_long_at_every_second_turn_stays_beside() {
        let mut world = World::new();
        let mut guests = [Conduct::default(); 16];
        for _ in 0..1000 {
            for guest in &mut guests {
                world.turn(guest, SHORT);
                world.turn(guest, TICK);
            }
            world.wait(TICK);
        }
        let held_up = world.held_up();
        assert!(held_up < 4 * TICK, "{held_up:?}");
    }

    #[test]
    fn guests_that_become_known_to_compute_all_at_once_hold_up_others_for_two_turns() {
        let mut world = World::new();
        let mut guests = [Conduct::default(); 400];
        for _ in 0..10 {
            for guest in &mut guests {
                world.turns(guest, SHORT, usize::from(KNOWN));
            }
            world.held_up();
            for guest in &mut guests {
                world.turn(guest, TICK);
            }
            let held_up = world.held_up();
            assert!(held_up <= 2 * TICK, "{held_up:?}");
            world.wait(Duration::from_secs(1));
        }
    }

    #[test]
    fn who_computed_is_at_home_again_after_ten_times_as_long_and_some_short_turns() {
        for took in [TICK, Duration::from_millis(300)] {
            let mut world = World::new();
            let mut guest = Conduct::default();
            world.turn(&mut guest, took);
            world.wait(took * SHARE - SHORT);
            world.turns(&mut guest, SHORT, 10);
            assert!(matches!(world.turn(&mut guest, SHORT), Place::Beside(_)));
            world.wait(SHORT);
            assert_eq!(world.turn(&mut guest, SHORT), Place::Home);
            // And one that only waited is not.
            world.turn(&mut guest, took);
            world.wait(took * SHARE * 2);
            world.turns(&mut guest, SHORT, 3);
            assert!(matches!(world.turn(&mut guest, SHORT), Place::Beside(_)));
            assert_eq!(world.turn(&mut guest, SHORT), Place::Home);
        }
    }

    #[test]
    fn a_known_guest_stays_at_home_while_others_are_turned_away() {
        let mut world = World::new();
        let (mut known, mut young) = (Conduct::default(), Conduct::default());
        world.turns(&mut known, SHORT, usize::from(KNOWN));
        world.turn(&mut young, SHORT);
        world.turn(&mut Conduct::default(), TICK);
        assert_eq!(world.turn(&mut known, SHORT), Place::Home);
        assert_eq!(world.turn(&mut young, SHORT), Place::Beside(Class::Light));
        let mut new = Conduct::default();
        assert_eq!(world.turn(&mut new, SHORT), Place::Beside(Class::New));
    }

    #[test]
    fn after_the_longest_turn_the_home_thread_is_everybodys_again_in_a_moment() {
        let mut world = World::new();
        let mut known = Conduct::default();
        world.turns(&mut known, SHORT, usize::from(KNOWN));
        world.turn(&mut Conduct::default(), Duration::from_secs(10));
        assert!(matches!(world.turn(&mut known, SHORT), Place::Beside(_)));
        world.wait(Duration::from_millis(100));
        assert_eq!(world.turn(&mut known, SHORT), Place::Home);
        world.wait(Duration::from_millis(100));
        assert_eq!(world.turn(&mut Conduct::default(), SHORT), Place::Home);
    }

    #[test]
    fn who_gives_way_is_served_after_who_waits_for_something() {
        let now = Instant::now();
        let some = Duration::from_millis(1);
        let (mut computes, mut answers) = (Conduct::default(), Conduct::default());
        computes.took(some, true, now);
        answers.took(some, false, now);
        assert_eq!(computes.class(), Class::Heavy);
        assert_eq!(answers.class(), Class::Light);
        // A message came while it answered the last one.
        answers.took(SHORT, true, now);
        assert_eq!(answers.class(), Class::Light);
        answers.took(TICK * 2, false, now);
        assert_eq!(answers.class(), Class::Heavy);
    }

    #[test]
    fn a_turn_of_any_length_is_taken_note_of() {
        let mut world = World::new();
        let mut guest = Conduct::default();
        guest.took(Duration::MAX, false, world.now);
        world.home.took(Place::Home, Duration::MAX, world.now);
        assert_eq!(world.turn(&mut guest, SHORT), Place::Beside(Class::Heavy));
    }
}
