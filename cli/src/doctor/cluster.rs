//! Findings about the cluster: who answers, whether it takes us, and what it offers.

use super::Finding;
use super::facts::{AgentFact, Answer, ClusterFacts, Refusal, ServerFact, SurveyFact, Told};

/// Clocks that differ by more make logs of two machines hard to compare, and certificates and
/// tokens look as if they were not yet, or not any more, valid.
const SKEW_SECONDS_MAX: u64 = 30;

pub(super) fn findings(facts: &ClusterFacts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in &facts.servers {
        findings.extend(server_findings(server));
    }
    match &facts.survey {
        None => findings.push(Finding::problem(
            "cluster",
            format!("nobody at `{}` could be asked what there is", facts.shown),
            "repair what is said above, and see again",
        )),
        Some(Err(refusal)) => findings.push(refused(refusal, facts)),
        Some(Ok(survey)) => {
            findings.push(taken(facts));
            findings.extend(facts.agents.as_ref().map(registered));
            findings.push(offered(survey, facts));
        }
    }
    findings
}

fn server_findings(server: &ServerFact) -> Vec<Finding> {
    let area = "master";
    let address = &server.address;
    let addresses = match &server.found {
        Err(error) => {
            return vec![Finding::problem(
                area,
                format!("`{address}` has no address: {error}"),
                "is the name right? it comes from `--master`, `MESOS_MASTER` or `cluster.master`",
            )];
        }
        Ok(found) => found
            .iter()
            .map(|found| found.ip().to_string())
            .collect::<Vec<_>>()
            .join(", "),
    };
    match &server.answer {
        None => Vec::new(),
        Some(Err(Told { text, help })) => vec![Finding::problem(
            area,
            text,
            help.clone()
                .unwrap_or_else(|| "does a master run there?".to_owned()),
        )],
        Some(Ok(Answer::Connected)) => vec![Finding::ok(
            "zookeeper",
            format!("`{address}` ({addresses}) lets us connect"),
        )],
        Some(Ok(Answer::Other { status, text })) => {
            let said = match text.is_empty() {
                true => String::new(),
                false => format!(": {text}"),
            };
            vec![Finding::problem(
                area,
                format!("`{address}` answers, but not as Mesos does, status {status}{said}"),
                "is that the address of a Mesos master? its port is 5050 unless it was told another",
            )]
        }
        Some(Ok(Answer::Master {
            version,
            leader,
            ahead_seconds,
        })) => {
            let leader = match leader {
                Some(leader) => format!("; {leader} leads"),
                None => "; it knows of no leader".to_owned(),
            };
            let text = format!("`{address}` ({addresses}) is Mesos {version}{leader}");
            let skew = ahead_seconds.and_then(|ahead| skew(address, ahead));
            [Some(Finding::ok(area, text)), skew]
                .into_iter()
                .flatten()
                .collect()
        }
    }
}

fn skew(address: &str, ahead: i64) -> Option<Finding> {
    let seconds = ahead.unsigned_abs();
    let direction = if ahead > 0 { "ahead of" } else { "behind" };
    (seconds > SKEW_SECONDS_MAX).then(|| {
        Finding::warning(
            "clock",
            format!("the clock of `{address}` is {seconds} s {direction} ours"),
            "have both set their clocks by NTP; certificates and tokens depend on them",
        )
    })
}

fn refused(refusal: &Refusal, facts: &ClusterFacts) -> Finding {
    let Told { text, help } = &refusal.told;
    Finding::problem(
        "cluster",
        format!("`{}`: {text}", facts.shown),
        help.clone()
            .unwrap_or_else(|| "the log of the master may say more".to_owned()),
    )
}

fn taken(facts: &ClusterFacts) -> Finding {
    Finding::ok(
        "cluster",
        format!(
            "`{}` lets us in, for the role `{}`",
            facts.shown, facts.role
        ),
    )
}

fn registered(agents: &Result<Vec<AgentFact>, String>) -> Finding {
    let area = "agents";
    let agents = match agents {
        Ok(agents) => agents,
        Err(error) => {
            return Finding::ok(
                area,
                format!("the master does not tell us of its agents ({error}); offers count"),
            );
        }
    };
    let active = agents.iter().filter(|agent| agent.is_active).count();
    match (agents.len(), active) {
        (0, _) => Finding::problem(
            area,
            "no agent is registered with the master",
            "start one, with `--master` set to this master",
        ),
        (_, 0) => Finding::problem(
            area,
            "no agent is active: they are draining, or cut off",
            "look at them in the master's web page, and reactivate them",
        ),
        (all, active) if active < all => {
            Finding::ok(area, format!("{active} of {all} agents are active"))
        }
        (1, _) => Finding::ok(area, "1 agent is registered"),
        (all, _) => Finding::ok(area, format!("{all} agents are registered")),
    }
}

fn offered(survey: &SurveyFact, facts: &ClusterFacts) -> Finding {
    let area = "gang";
    let (reason, remedies, agents) = match survey {
        SurveyFact::Fits { tasks, agents } => {
            let plural = |number: &usize| if *number == 1 { "" } else { "s" };
            let text = format!(
                "{tasks} task{} fit on {agents} agent{}",
                plural(tasks),
                plural(agents)
            );
            return Finding::ok(area, text);
        }
        SurveyFact::Misfit {
            reason,
            remedies,
            agents,
        } => (reason, remedies, agents),
    };
    let mut repair = match (remedies.as_slice(), agents) {
        ([], 0) => "wait until other frameworks give resources back, ask its operator for quota \
                    of the role, or start agents"
            .to_owned(),
        ([], _) => "ask for less, or have agents with more".to_owned(),
        (remedies, _) => format!("it would fit {}", remedies.join(", or ")),
    };
    let others = reserved_for_others(facts);
    if !others.is_empty() {
        repair.push_str(&format!(
            "; something is reserved for {}, which `cluster.role` would have to name",
            others.join(", ")
        ));
    }
    Finding::problem(area, format!("the gang does not fit: {reason}"), repair)
}

/// Who else has something reserved, as `role` on agents.
fn reserved_for_others(facts: &ClusterFacts) -> Vec<String> {
    let Some(Ok(agents)) = &facts.agents else {
        return Vec::new();
    };
    let mut others: Vec<String> = agents
        .iter()
        .flat_map(|agent| {
            let others = agent.reserved_for.iter();
            let others = others.filter(|role| **role != facts.role);
            others.map(|role| format!("`{role}` on `{}`", agent.hostname))
        })
        .collect();
    others.sort_unstable();
    others.dedup();
    others
}
