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

/// Why a text is no fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseFaultError {
    /// There is no such kind.
    #[error("no fault is called `{0}`, only {kinds}", kinds = Fault::KINDS.join(", "))]
    Kind(String),
    /// Something is no `name=value`, or there twice.
    #[error("`{0}` is not one `name=value`")]
    Field(String),
    /// A field is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
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
    #[error("`{kind}` has no `{field}`")]
    Unknown {
        /// The kind of fault.
        kind: String,
        /// The field that it does not have.
        field: String,
    },
}

impl Fault {
    /// How the kinds are written, in the order of the variants.
    pub const KINDS: [&'static str; 12] = [
        "messages",
        "updates",
        "cut_frameworks",
        "cut_executors",
        "unavailable",
        "delay_offers",
        "shrink_agent",
        "kill_executor",
        "stop_agent",
        "start_agent",
        "lose_agent",
        "fail_over_master",
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
        Self::KINDS[index]
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
        let mut fields = Fields::read(words)?;
        let fault = match kind {
            "messages" => Self::Messages {
                faults: fields.message_faults()?,
                lasts: fields.lasts()?,
            },
            "updates" => Self::Updates {
                faults: fields.message_faults()?,
                lasts: fields.lasts()?,
            },
            "cut_frameworks" => Self::CutFrameworks,
            "cut_executors" => Self::CutExecutors,
            "unavailable" => Self::Unavailable {
                lasts: fields.lasts()?,
            },
            "delay_offers" => Self::DelayOffers {
                lasts: fields.lasts()?,
            },
            "shrink_agent" => Self::ShrinkAgent {
                agent: fields.agent()?,
                percent: fields.take("percent", "a number up to 100", |it| *it <= 100)?,
                lasts: fields.lasts()?,
            },
            "kill_executor" => Self::KillExecutor {
                pick: fields.take("pick", "a number", |_| true)?,
            },
            "stop_agent" => Self::StopAgent {
                agent: fields.agent()?,
            },
            "start_agent" => Self::StartAgent {
                agent: fields.agent()?,
            },
            "lose_agent" => Self::LoseAgent {
                agent: fields.agent()?,
            },
            "fail_over_master" => Self::FailOverMaster,
            other => return Err(ParseFaultError::Kind(other.to_owned())),
        };
        fields.end(kind)?;
        Ok(fault)
    }
}

/// The fields that nobody has taken yet.
struct Fields<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Fields<'a> {
    fn read(words: impl Iterator<Item = &'a str>) -> Result<Self, ParseFaultError> {
        let mut fields = BTreeMap::new();
        for word in words {
            let field = word.split_once('=');
            let is_new = field.is_some_and(|(name, value)| fields.insert(name, value).is_none());
            if !is_new {
                return Err(ParseFaultError::Field(word.to_owned()));
            }
        }
        Ok(Self(fields))
    }

    fn take<T: FromStr>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        is_valid: impl Fn(&T) -> bool,
    ) -> Result<T, ParseFaultError> {
        let value = self.0.remove(name);
        let value = value.ok_or(ParseFaultError::Missing(name))?;
        let parsed = value.parse().ok().filter(is_valid);
        parsed.ok_or_else(|| ParseFaultError::Value {
            name,
            value: value.to_owned(),
            expected,
        })
    }

    /// Up to 49 days, so that it can be added to any time.
    fn duration(&mut self, name: &'static str) -> Result<Duration, ParseFaultError> {
        let milliseconds: u32 = self.take(name, "a number of milliseconds", |_| true)?;
        Ok(Duration::from_millis(milliseconds.into()))
    }

    fn lasts(&mut self) -> Result<Duration, ParseFaultError> {
        self.duration("for_ms")
    }

    fn agent(&mut self) -> Result<usize, ParseFaultError> {
        self.take("agent", "the number of an agent", |_| true)
    }

    fn probability(&mut self, name: &'static str) -> Result<f64, ParseFaultError> {
        self.take(name, "a probability from 0 to 1", |it| {
            (0.0..=1.0).contains(it)
        })
    }

    fn message_faults(&mut self) -> Result<MessageFaults, ParseFaultError> {
        Ok(MessageFaults {
            drop: self.probability("drop")?,
            duplicate: self.probability("duplicate")?,
            delay: self.probability("delay")?,
            delay_max: self.duration("delay_max_ms")?,
        })
    }

    fn end(self, kind: &str) -> Result<(), ParseFaultError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(field) => Err(ParseFaultError::Unknown {
                kind: kind.to_owned(),
                field: (*field).to_owned(),
            }),
        }
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
            assert_eq!(fault.kind(), kind);
            assert_eq!(fault.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_fault_is_refused_with_the_reason() {
        let cases = [
            ("", "no fault is called ``, only messages, updates, "),
            ("fire", "no fault is called `fire`, only messages, "),
            ("unavailable", "`for_ms` is missing"),
            ("unavailable 800", "`800` is not one `name=value`"),
            (
                "unavailable for_ms=1 for_ms=2",
                "`for_ms=2` is not one `name=value`",
            ),
            (
                "unavailable for_ms=-1",
                "`for_ms=-1` is not a number of milliseconds",
            ),
            ("cut_executors of=1", "`cut_executors` has no `of`"),
            (
                "shrink_agent agent=0 percent=101 for_ms=1",
                "`percent=101` is not a number up to 100",
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
