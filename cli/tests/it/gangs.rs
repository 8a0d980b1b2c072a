//! Two jobs that each need more than half of one cluster.

use local_cluster::Faults;

use crate::rig::Rig;
use crate::support::{Ended, Running};

/// Three tasks, one for each of three agents of four.
const JOB: &str = "job: half
scheduler: { module: guests/director }
gang: { hold: 1s }
tasks:
  actor: { module: guests/actor, count: 3, cpus: 1, mem: 64MiB }
";

/// What an agent of the cluster has: room for one task.
const AGENT: &str = "cpus:1.5;mem:512";

fn wait_for_nothing(running: &mut Running) {
    running.wait_for("the end of all offers", |line| {
        line.contains("no agent offers anything")
    });
}

/// Whether the job has seen a part of the cluster, and not enough.
fn saw_a_part(ended: &Ended) -> bool {
    let events = ended.events();
    let mut reasons = events.iter().filter_map(|event| event["reason"].as_str());
    reasons.any(|reason| reason.contains("on offer are 2 agents"))
}

#[test]
fn two_gangs_that_need_more_than_half_run_one_after_the_other() {
    let rig = Rig::of_agents(&[AGENT; 4], Faults::default(), 11);
    let mut running = Vec::new();
    rig.while_all_is_held(|| {
        for _ in 0..2 {
            running.push(rig.start(JOB, &["return"]));
        }
        running.iter_mut().for_each(wait_for_nothing);
    });
    // Now each is offered two agents.
    let ended: Vec<Ended> = running.into_iter().map(Running::wait).collect();
    for one in &ended {
        one.assert_code(0);
        assert_eq!(one.outcome()["outcome"], "succeeded", "{}", one.stdout);
    }
    assert!(ended.iter().all(saw_a_part), "both had to wait: {ended:?}");
    rig.finish_cluster();
}
