//! The arithmetic of something of which a process may have only so much.
//!
//! How much a task takes is known only roughly, and to count what is in use takes time. So it is
//! counted again when, by the guess, half of what was left is taken: then tasks may take twice the
//! guess, and the counts are few.

/// What is in use, and what tasks may have taken since that was counted.
#[derive(Debug)]
pub(super) struct Supply {
    /// A guess for one task.
    each: u64,
    /// What stays free for others than tasks.
    spare: u64,
    counted: Option<Counted>,
    /// Tasks that have taken theirs since.
    taken: u64,
    /// The last count left too little, and nothing was given back since.
    is_used_up: bool,
}

#[derive(Debug, Clone, Copy)]
struct Counted {
    used: u64,
    limit: u64,
}

impl Supply {
    pub(super) fn new(each: u64, spare: u64) -> Self {
        Self {
            each,
            spare,
            counted: None,
            taken: 0,
            is_used_up: false,
        }
    }

    /// Takes what one task needs. `count` answers how much is in use and how much there may be, or
    /// nothing if nobody knows: then there is enough, until the system says otherwise.
    ///
    /// # Errors
    ///
    /// How much is in use and how much there may be, when that leaves too little.
    pub(super) fn take(
        &mut self,
        count: impl FnOnce() -> Option<(u64, u64)>,
    ) -> Result<(), (u64, u64)> {
        if !self.is_used_up && !self.is_enough_for(2 * (self.taken + 1)) {
            self.counted = count().map(|(used, limit)| Counted { used, limit });
            self.taken = 0;
            self.is_used_up = self.counted.is_some() && !self.is_enough_for(1);
        }
        match self.counted {
            Some(Counted { used, limit }) if self.is_used_up => Err((used, limit)),
            _ => {
                self.taken += 1;
                Ok(())
            }
        }
    }

    /// A task is gone.
    pub(super) fn give_back(&mut self) {
        self.taken = self.taken.saturating_sub(1);
        self.is_used_up = false;
    }

    /// Tasks that have taken theirs since the last count.
    #[cfg(test)]
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether the last count left enough for so many tasks.
    fn is_enough_for(&self, tasks: u64) -> bool {
        self.counted.is_some_and(|Counted { used, limit }| {
            let wanted = tasks.saturating_mul(self.each).saturating_add(self.spare);
            used.saturating_add(wanted) <= limit
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts tasks that take `really` each until one is refused: how many there are, how much is
    /// in use then, and how often it was counted.
    fn fill(supply: &mut Supply, really: u64, used: &mut u64, limit: u64) -> (u64, u64) {
        let (mut tasks, mut counts) = (0, 0);
        loop {
            let taken = supply.take(|| {
                counts += 1;
                Some((*used, limit))
            });
            match taken {
                Ok(()) => *used += really,
                Err(told) => {
                    assert_eq!(told, (*used, limit));
                    return (tasks, counts);
                }
            }
            tasks += 1;
        }
    }

    #[test]
    fn it_is_used_up_to_the_spare_and_counted_seldom() {
        let mut used = 100;
        let mut supply = Supply::new(8, 1000);
        let (tasks, counts) = fill(&mut supply, 6, &mut used, 65_000);
        assert_eq!(tasks, (65_000 - 1000 - 100 - 8) / 6 + 1);
        assert!(counts < 24, "{counts}");
    }

    #[test]
    fn what_takes_twice_the_guess_is_refused_in_time_as_well() {
        let mut used = 100;
        let mut supply = Supply::new(8, 1000);
        fill(&mut supply, 16, &mut used, 4000);
        assert!(used <= 4000 - 1000 + 8, "{used}");
    }

    #[test]
    fn who_is_refused_is_not_counted_for_again_until_something_is_given_back() {
        let mut used = 100;
        let mut supply = Supply::new(8, 10);
        fill(&mut supply, 8, &mut used, 500);
        let told = supply.take(|| unreachable!("it is known"));
        assert_eq!(told, Err((used, 500)));
        supply.give_back();
        assert_eq!(supply.take(|| Some((used - 8, 500))), Ok(()));
    }

    #[test]
    fn where_nobody_knows_there_is_enough() {
        let mut supply = Supply::new(8, 10);
        assert!((0..1000).all(|_| supply.take(|| None) == Ok(())));
    }
}
