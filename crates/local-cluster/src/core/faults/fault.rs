//! One fault at a moment, and how it is written: in logs, and by who asks for it.
//!
//! `unavailable for_ms=800` is a kind and its fields, each once and in any order. What a log shows
//! can be asked for again.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::MessageFaults;

/// Something that goes wrong in a cluster at a moment.
///
/// Agents are counted as in the cluster's configuration. A fault that finds nothing to break, such
/// as the kill of an executor where none runs, does nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// Framework messages of both directions suffer this for a while, in place of what they suffer
    /// otherwise.
    Messages {
        /// What befalls them.
        faults: MessageFaults,
        /// For how long.
        lasts: Duration,
    },
    /// The same for status updates of agents.
    Updates {
        /// What befalls them.
        faults: MessageFaults,
        /// For how long.
        lasts: Duration,
    },
    /// The streams of all frameworks break; what was on its way over them is lost.
    CutFrameworks,
    /// The streams of all executors break; what was on its way over them is lost.
    CutExecutors,
    /// The master answers 503 to every call of schedulers; streams that are there go on.
    Unavailable {
        /// For how long.
        lasts: Duration,
    },
    /// The master makes no offers.
    DelayOffers {
        /// For how long.
        lasts: Duration,
    },
    /// An agent has less to offer: what is on offer there is taken back, later offers are smaller.
    /// Tasks keep what they have.
    ShrinkAgent {
        /// Which.
        agent: usize,
        /// How much of each amount that it has, 100 at most, it cannot give any more.
        percent: u8,
        /// For how long.
        lasts: Duration,
    },
    /// The processes of one executor die by SIGKILL.
    KillExecutor {
        /// Which: the number of those that run divides it, and the rest counts.
        pick: u32,
    },
    /// The process of an agent dies and its executors live on. The master sees the link break:
    /// tasks of frameworks without `checkpoint` are lost.
    StopAgent {
        /// Which.
        agent: usize,
    },
    /// An agent that was stopped is there again.
    StartAgent {
        /// Which.
        agent: usize,
    },
    /// An agent and its executors die for good; the master removes it at once.
    LoseAgent {
        /// Which.
        agent: usize,
    },
    /// The master that leads dies, and is started again. Another leads then, or the same if there is
    /// no other, and has forgotten everything but which agents there are.
    FailOverMaster,
}

/// A kind of fault, for whoever wants to ask for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultKind {
    /// How it is written.
    pub name: &'static str,
    /// The fields that it has, all of them required.
    pub fields: &'static [FaultField],
    /// What happens.
    pub help: &'static str,
}

/// A field of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultField {
    /// How it is written.
    pub name: &'static str,
    /// What its value is.
    pub expected: &'static str,
}

/// Why a text is no fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseFaultError {
    /// There is no such kind.
    #[error("no fault is called `{0}`, only {kinds}", kinds = Fault::KINDS.map(|kind| kind.name).join(", "))]
    Kind(String),
    /// Something is no `name=value`, or there twice.
    #[error("`{0}` is not one `name=value`")]
    Field(String),
    /// A field is missing.
    #[error("`{name}` is missing: {expected}")]
    Missing {
        /// Which.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// A field has a value that it cannot have.
    #[error("`{name}={value}` is not {expected}")]
    Value {
        /// Whose value it is.
        name: &'static str,
        /// The value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
    /// A field does not belong there.
    #[error("`{kind}` has no `{field}`, {known}", known = known(.kind))]
    Unknown {
        /// The kind of fault.
        kind: &'static str,
        /// The field that it does not have.
        field: String,
    },
}

/// The fields that a kind has, in words.
fn known(kind: &str) -> String {
    let kind = Fault::KINDS.iter().find(|known| known.name == kind);
    let fields = kind.map_or(&[][..], |kind| kind.fields);
    let names: Vec<_> = fields.iter().map(|field| field.name).collect();
    match names.is_empty() {
        true => "nor anything else".to_owned(),
        false => format!("only {}", names.join(", ")),
    }
}

const DROP: FaultField = probability("drop");
const DUPLICATE: FaultField = probability("duplicate");
const DELAY: FaultField = probability("delay");
const DELAY_MAX: FaultField = milliseconds("delay_max_ms");
const LASTS: FaultField = milliseconds("for_ms");
const AGENT: FaultField = field("agent", "the number of an agent, counted from 0");
const PERCENT: FaultField = field("percent", "a whole number up to 100");
const PICK: FaultField = field("pick", "a whole number");

const fn field(name: &'static str, expected: &'static str) -> FaultField {
    FaultField { name, expected }
}

const fn probability(name: &'static str) -> FaultField {
    field(name, "a probability from 0 to 1")
}

/// Up to 49 days, so that it can be added to any time.
const fn milliseconds(name: &'static str) -> FaultField {
    field(name, "a whole number of milliseconds")
}

const fn kind(name: &'static str, fields: &'static [FaultField], help: &'static str) -> FaultKind {
    FaultKind { name, fields, help }
}

impl Fault {
    /// All kinds, in the order of the variants.
    pub const KINDS: [FaultKind; 12] = [
        kind(
            "messages",
            &[DROP, DUPLICATE, DELAY, DELAY_MAX, LASTS],
            "framework messages are dropped, doubled or held back",
        ),
        kind(
            "updates",
            &[DROP, DUPLICATE, DELAY, DELAY_MAX, LASTS],
            "status updates are dropped, doubled or held back",
        ),
        kind("cut_frameworks", &[], "the streams of all frameworks break"),
        kind("cut_executors", &[], "the streams of all executors break"),
        kind(
            "unavailable",
            &[LASTS],
            "calls of schedulers are answered with 503",
        ),
        kind("delay_offers", &[LASTS], "no offers are made"),
        kind(
            "shrink_agent",
            &[AGENT, PERCENT, LASTS],
            "an agent has so much less to offer, and what it has on offer is taken back",
        ),
        kind(
            "kill_executor",
            &[PICK],
            "one of the executors that run dies by SIGKILL: the rest of `pick` by their number",
        ),
        kind(
            "stop_agent",
            &[AGENT],
            "an agent dies and its executors live on",
        ),
        kind(
            "start_agent",
            &[AGENT],
            "an agent that was stopped is there again",
        ),
        kind(
            "lose_agent",
            &[AGENT],
            "an agent leaves with its executors, and the master removes it",
        ),
        kind(
            "fail_over_master",
            &[],
            "the master that leads dies, and another one leads that remembers agents only",
        ),
    ];

    /// How its kind is written.
    pub fn kind(&self) -> &'static str {
        let index = match self {
            Self::Messages { .. } => 0,
            Self::Updates { .. } => 1,
            Self::CutFrameworks => 2,
            Self::CutExecutors => 3,
            Self::Unavailable { .. } => 4,
            Self::DelayOffers { .. } => 5,
            Self::ShrinkAgent { .. } => 6,
            Self::KillExecutor { .. } => 7,
            Self::StopAgent { .. } => 8,
            Self::StartAgent { .. } => 9,
            Self::LoseAgent { .. } => 10,
            Self::FailOverMaster => 11,
        };
        Self::KINDS[index].name
    }

    /// The agent that it is about, if it is about one.
    pub fn agent(&self) -> Option<usize> {
        match self {
            Self::ShrinkAgent { agent, .. }
            | Self::StopAgent { agent }
            | Self::StartAgent { agent }
            | Self::LoseAgent { agent } => Some(*agent),
            Self::Messages { .. }
            | Self::Updates { .. }
            | Self::CutFrameworks
            | Self::CutExecutors
            | Self::Unavailable { .. }
            | Self::DelayOffers { .. }
            | Self::KillExecutor { .. }
            | Self::FailOverMaster => None,
        }
    }

    /// Reads a fault of which kind and fields are known apart from each other.
    ///
    /// # Errors
    /// When there is no such kind, or its fields are others.
    pub fn from_fields(
        kind: &str,
        fields: BTreeMap<String, String>,
    ) -> Result<Self, ParseFaultError> {
        Fields(fields).fault(kind)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::CutFrameworks | Self::CutExecutors | Self::FailOverMaster => Ok(()),
            Self::Messages { faults, lasts } | Self::Updates { faults, lasts } => {
                let MessageFaults {
                    drop,
                    duplicate,
                    delay,
                    delay_max,
                } = faults;
                let delay_max = delay_max.as_millis();
                write!(f, " drop={drop} duplicate={duplicate} delay={delay}")?;
                write!(f, " delay_max_ms={delay_max} for_ms={}", lasts.as_millis())
            }
            Self::Unavailable { lasts } | Self::DelayOffers { lasts } => {
                write!(f, " for_ms={}", lasts.as_millis())
            }
            Self::ShrinkAgent {
                agent,
                percent,
                lasts,
            } => {
                let lasts = lasts.as_millis();
                write!(f, " agent={agent} percent={percent} for_ms={lasts}")
            }
            Self::KillExecutor { pick } => write!(f, " pick={pick}"),
            Self::StopAgent { agent } | Self::StartAgent { agent } | Self::LoseAgent { agent } => {
                write!(f, " agent={agent}")
            }
        }
    }
}

impl FromStr for Fault {
    type Err = ParseFaultError;

    fn from_str(text: &str) -> Result<Self, ParseFaultError> {
        let mut words = text.split_whitespace();
        let kind = words.next().unwrap_or_default();
        Fields::read(words)?.fault(kind)
    }
}

/// The fields that nobody has taken yet.
struct Fields(BTreeMap<String, String>);

impl Fields {
    fn read<'a>(words: impl Iterator<Item = &'a str>) -> Result<Self, ParseFaultError> {
        let mut fields = BTreeMap::new();
        for word in words {
            let field = word.split_once('=');
            let is_new = field.is_some_and(|(name, value)| {
                fields.insert(name.to_owned(), value.to_owned()).is_none()
            });
            if !is_new {
                return Err(ParseFaultError::Field(word.to_owned()));
            }
        }
        Ok(Self(fields))
    }

    fn fault(mut self, kind: &str) -> Result<Fault, ParseFaultError> {
        let fault = match kind {
            "messages" => Fault::Messages {
                faults: self.message_faults()?,
                lasts: self.duration(LASTS)?,
            },
            "updates" => Fault::Updates {
                faults: self.message_faults()?,
                lasts: self.duration(LASTS)?,
            },
            "cut_frameworks" => Fault::CutFrameworks,
            "cut_executors" => Fault::CutExecutors,
            "unavailable" => Fault::Unavailable {
                lasts: self.duration(LASTS)?,
            },
            "delay_offers" => Fault::DelayOffers {
                lasts: self.duration(LASTS)?,
            },
            "shrink_agent" => Fault::ShrinkAgent {
                agent: self.take(AGENT, |_| true)?,
                percent: self.take(PERCENT, |it| *it <= 100)?,
                lasts: self.duration(LASTS)?,
            },
            "kill_executor" => Fault::KillExecutor {
                pick: self.take(PICK, |_| true)?,
            },
            "stop_agent" => Fault::StopAgent {
                agent: self.take(AGENT, |_| true)?,
            },
            "start_agent" => Fault::StartAgent {
                agent: self.take(AGENT, |_| true)?,
            },
            "lose_agent" => Fault::LoseAgent {
                agent: self.take(AGENT, |_| true)?,
            },
            "fail_over_master" => Fault::FailOverMaster,
            other => return Err(ParseFaultError::Kind(other.to_owned())),
        };
        match self.0.into_keys().next() {
            None => Ok(fault),
            Some(field) => Err(ParseFaultError::Unknown {
                kind: fault.kind(),
                field,
            }),
        }
    }

    fn take<T: FromStr>(
        &mut self,
        field: FaultField,
        is_valid: impl Fn(&T) -> bool,
    ) -> Result<T, ParseFaultError> {
        let FaultField { name, expected } = field;
        let value = self.0.remove(name);
        let value = value.ok_or(ParseFaultError::Missing { name, expected })?;
        let parsed = value.parse().ok().filter(is_valid);
        parsed.ok_or(ParseFaultError::Value {
            name,
            value,
            expected,
        })
    }

    fn duration(&mut self, field: FaultField) -> Result<Duration, ParseFaultError> {
        let milliseconds: u32 = self.take(field, |_| true)?;
        Ok(Duration::from_millis(milliseconds.into()))
    }

    fn probability(&mut self, field: FaultField) -> Result<f64, ParseFaultError> {
        self.take(field, |it| (0.0..=1.0).contains(it))
    }

    fn message_faults(&mut self) -> Result<MessageFaults, ParseFaultError> {
        Ok(MessageFaults {
            drop: self.probability(DROP)?,
            duplicate: self.probability(DUPLICATE)?,
            delay: self.probability(DELAY)?,
            delay_max: self.duration(DELAY_MAX)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_can_be_asked_for_again() {
        let texts = [
            "messages drop=0.2 duplicate=0.05 delay=0 delay_max_ms=40 for_ms=900",
            "updates drop=0 duplicate=1 delay=0 delay_max_ms=0 for_ms=1",
            "cut_frameworks",
            "cut_executors",
            "unavailable for_ms=800",
            "delay_offers for_ms=800",
            "shrink_agent agent=1 percent=50 for_ms=4000000000",
            "kill_executor pick=7",
            "stop_agent agent=0",
            "start_agent agent=0",
            "lose_agent agent=2",
            "fail_over_master",
        ];
        for (text, kind) in texts.into_iter().zip(Fault::KINDS) {
            let fault: Fault = text.parse().unwrap();
            assert_eq!(fault.kind(), kind.name);
            assert_eq!(fault.to_string(), text);
            // The fields stand in the text in the order in which the kind has them.
            let fields = text.split(' ').skip(1).map(|field| field.split('=').next());
            assert!(fields.eq(kind.fields.iter().map(|field| Some(field.name))));
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_reason() {
        let cases = [
            ("", "no fault is called ``, only messages, updates, "),
            ("fire", "no fault is called `fire`, only messages, "),
            (
                "unavailable",
                "`for_ms` is missing: a whole number of milliseconds",
            ),
            ("unavailable 800", "`800` is not one `name=value`"),
            (
                "unavailable for_ms=1 for_ms=2",
                "`for_ms=2` is not one `name=value`",
            ),
            (
                "unavailable for_ms=-1",
                "`for_ms=-1` is not a whole number of milliseconds",
            ),
            (
                "cut_executors of=1",
                "`cut_executors` has no `of`, nor anything else",
            ),
            (
                "unavailable for_ms=1 of=1",
                "`unavailable` has no `of`, only for_ms",
            ),
            (
                "shrink_agent agent=0 percent=101 for_ms=1",
                "`percent=101` is not a whole number up to 100",
            ),
            (
                "messages drop=NaN duplicate=0 delay=0 delay_max_ms=0 for_ms=1",
                "`drop=NaN` is not a probability from 0 to 1",
            ),
        ];
        for (text, expected) in cases {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{text}: {error}");
        }
    }
}
