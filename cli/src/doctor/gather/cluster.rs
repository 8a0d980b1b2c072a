//! What masters, ZooKeeper and offers say.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use framework::SurveyConfig;
use futures_util::future::join_all;
use mesos_client::{MasterOperator, OperatorConfig, ProbeError, Tls, probe};
use serde_json::Value;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::{PATIENCE, Patient, told};
use crate::doctor::date;
use crate::doctor::facts::{
    AgentFact, Answer, ClusterFacts, Refusal, ServerFact, SurveyFact, Told,
};
use crate::exit::Exit;
use crate::gang;
use crate::settings::MastersPlace;

/// How long a master may take to take us. A run waits longer, because one may be about to begin.
const SUBSCRIBE_PATIENCE: Duration = Duration::from_secs(10);

/// What is to be known of the cluster.
pub(super) async fn cluster(patient: Patient<'_>) -> ClusterFacts {
    let Patient {
        masters,
        is_embedded,
        ..
    } = patient;
    let mut servers = Vec::new();
    if !is_embedded {
        let each = masters.hosts.iter().map(|host| server(host, masters));
        servers = join_all(each).await;
    }
    let is_anybody_there = |server: &ServerFact| {
        matches!(
            server.answer,
            Some(Ok(Answer::Connected | Answer::Master { .. }))
        )
    };
    let mut facts = ClusterFacts {
        shown: masters.shown.clone(),
        survey: None,
        agents: None,
        role: patient.read.job.cluster.role.clone(),
        servers,
    };
    if is_embedded || facts.servers.iter().any(is_anybody_there) {
        let (survey, agents) = tokio::join!(survey(patient), agents(masters));
        facts.survey = Some(survey);
        facts.agents = Some(agents);
    }
    facts
}

/// What a master, or a server of ZooKeeper, says.
async fn server(address: &str, masters: &MastersPlace) -> ServerFact {
    let (_, place) = address.split_once("://").unwrap_or(("", address));
    let found = look_up(place).await;
    let answer = match &found {
        Err(_) => None,
        Ok(found) if masters.is_zookeeper() => Some(connect(address, found).await),
        Ok(_) => Some(ask(address, &masters.access.tls).await),
    };
    ServerFact {
        address: address.to_owned(),
        found,
        answer,
    }
}

/// The addresses of `host:port`.
pub(super) async fn look_up(place: &str) -> Result<Vec<SocketAddr>, String> {
    match timeout(PATIENCE, lookup_host(place)).await {
        Ok(Ok(found)) => Ok(found.collect()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no name server has answered within {PATIENCE:?}")),
    }
}

async fn connect(address: &str, found: &[SocketAddr]) -> Result<Answer, Told> {
    let failed = |why: String| Told {
        text: format!("cannot reach ZooKeeper at `{address}`: {why}"),
        help: Some(
            "does ZooKeeper run there? the address comes from `--master`, `MESOS_MASTER` or \
             `cluster.master`"
                .to_owned(),
        ),
    };
    match timeout(PATIENCE, TcpStream::connect(found)).await {
        Ok(Ok(_)) => Ok(Answer::Connected),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("no answer within {PATIENCE:?}"))),
    }
}

/// What a master says of itself, which it tells everybody.
async fn ask(address: &str, tls: &Tls) -> Result<Answer, Told> {
    let version = probe(address, "/version", tls, PATIENCE);
    let redirect = probe(address, "/redirect", tls, PATIENCE);
    let (version, redirect) = tokio::join!(version, redirect);
    let version = version.map_err(|error| {
        let help = match &error {
            ProbeError::Failed(reason) => Some(gang::disconnect_hint(reason).to_owned()),
            ProbeError::Address(_) | ProbeError::Start(_) => None,
        };
        let text = error.to_string();
        Told { text, help }
    })?;
    let number = serde_json::from_str::<Value>(&version.text).ok();
    let number = number.and_then(|it| Some(it["version"].as_str()?.to_owned()));
    let Some(number) = number.filter(|_| version.status == 200) else {
        return Ok(Answer::Other {
            status: version.status,
            text: version.text,
        });
    };
    let leader = redirect.ok().and_then(|answer| answer.location);
    let leader = leader.map(|leader| {
        let (_, place) = leader.split_once("//").unwrap_or(("", &leader));
        place.split('/').next().unwrap_or_default().to_owned()
    });
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.ok().and_then(|now| i64::try_from(now.as_secs()).ok());
    let theirs = version.date.as_deref().and_then(date::seconds);
    Ok(Answer::Master {
        version: number,
        leader,
        ahead_seconds: theirs.zip(now).map(|(theirs, ours)| theirs - ours),
    })
}

/// Whether the gang fits into what is on offer, which shows whether we are let in as well.
async fn survey(patient: Patient<'_>) -> Result<SurveyFact, Refusal> {
    let Patient { read, masters, .. } = patient;
    let mut job = gang::planned(&read.job).map_err(|failure| Refusal {
        exit: Exit::Usage,
        told: told(failure),
    })?;
    job.timing.subscribe = job.timing.subscribe.min(SUBSCRIBE_PATIENCE);
    let config = SurveyConfig {
        job,
        master: gang::master(&read.job, masters, patient.user),
        listen: patient.listen,
        seed: fastrand::u64(..),
    };
    match framework::survey(config).await {
        Ok(Ok(places)) => Ok(SurveyFact::Fits {
            tasks: read.job.task_count() as usize,
            agents: places.len(),
        }),
        Ok(Err(mut shortfall)) => {
            let remedies = std::mem::take(&mut shortfall.remedies);
            Ok(SurveyFact::Misfit {
                reason: shortfall.to_string(),
                remedies: remedies.iter().map(ToString::to_string).collect(),
                agents: shortfall.agents,
            })
        }
        Err(error) => {
            let help = gang::hint(&error, masters.access.credentials.as_ref());
            let exit = gang::exit(&error);
            let text = format!("{:#}", anyhow::Error::from(error));
            let help = help.map(str::to_owned);
            Err(Refusal {
                exit,
                told: Told { text, help },
            })
        }
    }
}

/// The agents of the leading master, if we may know.
async fn agents(masters: &MastersPlace) -> Result<Vec<AgentFact>, String> {
    let config = OperatorConfig {
        credentials: masters.access.credentials.clone(),
        tls: masters.access.tls.clone(),
        connect_timeout: PATIENCE,
        call_timeout: PATIENCE,
        ..OperatorConfig::default()
    };
    let operator = MasterOperator::new(masters.masters.clone(), config);
    let operator = operator.map_err(|error| error.to_string())?;
    let asked = timeout(SUBSCRIBE_PATIENCE, operator.get_agents()).await;
    let answer = asked
        .map_err(|_| format!("no answer within {SUBSCRIBE_PATIENCE:?}"))?
        .map_err(|error| error.to_string())?;
    let agents = answer.agents.into_iter().map(|agent| {
        let reserved = agent.total_resources.iter();
        let mut reserved_for: Vec<_> = reserved
            .filter_map(|resource| resource.reservations.last()?.role.clone())
            .collect();
        reserved_for.sort_unstable();
        reserved_for.dedup();
        AgentFact {
            hostname: agent.agent_info.hostname,
            is_active: agent.active,
            reserved_for,
        }
    });
    Ok(agents.collect())
}
