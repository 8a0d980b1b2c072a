//! What has come of a run.

use std::fmt;
use std::time::Duration;

use echo_messages::Tally;
use mesosgot_sdk::Error;

use crate::histogram::Histogram;
use crate::settings::Settings;

/// The counts of a run. Displayed, it is one line of JSON.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) settings: Settings,
    pub(crate) tasks: usize,
    pub(crate) sent: u64,
    /// What came back, or in `oneway` mode what arrived.
    pub(crate) tally: Tally,
    pub(crate) time: Duration,
    pub(crate) round_trips: Histogram,
}

impl Report {
    /// Whether every message came back once, whole and in order.
    pub(crate) fn verdict(&self) -> Result<(), Error> {
        let faults = [
            ("lost", self.tally.lost(self.sent)),
            ("duplicated", self.tally.duplicated),
            ("reordered", self.tally.reordered),
            ("damaged", self.tally.damaged),
        ];
        let faults: Vec<_> = faults
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(fault, count)| format!("{count} {fault}"))
            .collect();
        if faults.is_empty() {
            return Ok(());
        }
        let (sent, faults) = (self.sent, faults.join(", "));
        Err(Error::msg(format!("of {sent} messages: {faults}")))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            settings,
            tasks,
            sent,
            tally,
            ..
        } = self;
        let seconds = self.time.as_secs_f64();
        // A run that was too short for the clock has no rate.
        let rate = if seconds > 0.0 {
            tally.received as f64 / seconds
        } else {
            0.0
        };
        write!(
            f,
            r#"{{"mode":"{}","tasks":{tasks},"size":{},"window":{},"sent":{sent}"#,
            settings.mode, settings.bytes, settings.window
        )?;
        write!(
            f,
            r#","received":{},"lost":{},"duplicated":{},"reordered":{},"damaged":{}"#,
            tally.received,
            tally.lost(*sent),
            tally.duplicated,
            tally.reordered,
            tally.damaged
        )?;
        write!(f, r#","seconds":{seconds:.6},"msgs_per_s":{rate:.0}"#)?;
        for percent in [50, 99] {
            write!(f, r#","rtt_p{percent}_us":"#)?;
            match self.round_trips.percentile(percent) {
                Some(time) => write!(f, "{:.1}", time.as_secs_f64() * 1e6)?,
                None => write!(f, "null")?,
            }
        }
        write!(f, "}}")
    }
}
