//! Who asks for a car on a floor, where to, and when: decided by the seed and the floor alone.

use std::time::Duration;

use elevator_messages::{FloorConfig, Rider, RiderId};

/// The riders of a floor, in the order of their requests.
///
/// After each pause of equally likely length somebody draws a floor. Who draws the own floor stays,
/// so the riders are a little fewer than the draws.
#[derive(Clone, Debug)]
pub struct Arrivals {
    config: FloorConfig,
    random: Random,
    time: Duration,
    number: u32,
}

impl Arrivals {
    /// The riders that this configuration gives.
    pub fn new(config: FloorConfig) -> Self {
        // Both are mixed first: neighbouring floors or seeds must not draw the same, shifted.
        let seed = Random(config.seed).next() ^ Random(!u64::from(config.floor)).next();
        Self {
            config,
            random: Random(seed),
            time: Duration::ZERO,
            number: 0,
        }
    }
}

impl Iterator for Arrivals {
    type Item = Rider;

    fn next(&mut self) -> Option<Rider> {
        // A pause that is never longer than nothing would be drawn for ever.
        let pause_max = u64::try_from(self.config.pause_max.as_millis())
            .unwrap_or(u64::MAX)
            .max(1);
        while self.time < self.config.until {
            self.time += Duration::from_millis(self.random.below(pause_max.saturating_add(1)));
            let to = self.random.below(u64::from(self.config.floors));
            let to = u16::try_from(to).expect("it is below the number of floors");
            if self.time < self.config.until && to != self.config.floor {
                let id = RiderId {
                    floor: self.config.floor,
                    number: self.number,
                };
                self.number += 1;
                return Some(Rider {
                    id,
                    to,
                    requested: self.time,
                });
            }
        }
        None
    }
}

/// SplitMix64: small, fast, and the same everywhere, which is what a seed is for.
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// Equally likely from 0 to below `bound`. The error of the multiplication is far below what
    /// so few draws could show.
    fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).expect("the product is below 2^64 times the bound")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn config(floor: u16, seed: u64) -> FloorConfig {
        FloorConfig {
            floor,
            floors: 8,
            seed,
            until: Duration::from_secs(30),
            pause_max: Duration::from_secs(3),
            speed: 1.0,
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_riders() {
        let riders: Vec<Rider> = Arrivals::new(config(3, 7)).collect();
        assert_eq!(riders, Arrivals::new(config(3, 7)).collect::<Vec<_>>());
        assert_ne!(riders, Arrivals::new(config(3, 8)).collect::<Vec<_>>());
    }

    #[test]
    fn floors_of_one_seed_differ() {
        let times: BTreeSet<Vec<Duration>> = (0..8)
            .map(|floor| {
                Arrivals::new(config(floor, 7))
                    .map(|rider| rider.requested)
                    .collect()
            })
            .collect();
        assert_eq!(times.len(), 8);
    }

    #[test]
    fn riders_go_elsewhere_in_time_and_are_numbered() {
        for seed in 0..50 {
            let riders: Vec<Rider> = Arrivals::new(config(3, seed)).collect();
            assert!(riders.is_sorted_by_key(|rider| rider.requested));
            for (number, rider) in (0..).zip(&riders) {
                assert_eq!(rider.id, RiderId { floor: 3, number });
                assert!(rider.to != 3 && rider.to < 8);
                assert!(rider.requested < Duration::from_secs(30));
            }
        }
    }

    #[test]
    fn a_house_of_eight_floors_has_some_140_riders_in_30_seconds() {
        let riders: usize = (0..200)
            .flat_map(|seed| (0..8).map(move |floor| config(floor, seed)))
            .map(|config| Arrivals::new(config).count())
            .sum();
        let mean = riders / 200;
        assert!((135..=145).contains(&mean), "{mean}");
    }

    #[test]
    fn no_pause_at_all_still_comes_to_an_end() {
        let config = FloorConfig {
            until: Duration::from_millis(20),
            pause_max: Duration::ZERO,
            ..config(3, 7)
        };
        assert!(Arrivals::new(config).count() < 1000);
    }
}
