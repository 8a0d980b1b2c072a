//! `mesosgot status` of one job, and `mesosgot events`.

use std::thread;
use std::time::{Duration, Instant};

use expect_test::expect;
use serde_json::Value;

use super::beside::waiting;
use super::{check_beside, check_end, scene, start};
use crate::support::{Ended, RUN_TIME_MAX, Scene};

/// Between two looks at the status.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// Waits until all that a status can tell of the job is known.
pub(crate) fn wait_until_known(scene: &Scene) {
    let deadline = Instant::now() + RUN_TIME_MAX;
    loop {
        let seen = start(scene, "status --output json").wait();
        seen.assert_code(0);
        let status = &seen.events()[0];
        let tasks = status["tasks"].as_array().expect("it has tasks");
        let is_known = |task: &Value| task["memory_bytes"].as_u64() > Some(0);
        if tasks.iter().all(is_known) && status["delivering"].is_null() {
            return;
        }
        assert!(Instant::now() < deadline, "{}", seen.stdout);
        thread::sleep(LOOK_INTERVAL);
    }
}

/// What is printed without what comes when it will: how far executors are with modules, and that
/// the first offer takes its time.
fn steady(mut ended: Ended) -> Ended {
    let is_steady = |line: &&str| !line.contains("delivering") && !line.contains("waiting");
    let lines = ended.stdout.lines().filter(is_steady);
    ended.stdout = lines.map(|line| format!("{line}\n")).collect();
    ended
}

#[test]
fn how_one_job_is() {
    let scene = scene();
    let job = waiting(&scene, "talk");
    wait_until_known(&scene);
    check_beside(
        &scene,
        "status",
        &expect![[r#"
        exit 0
        stdout:
          job `talk` (process {pid}): running for {time}
          framework {id}
          talk: 1 of 1 running
          on 1 agent: agent-0 (1)
          0 messages to tasks, 0 from tasks
          {size} of memory, {time} of CPU

          TASK    STATE    SINCE     AGENT    SENT  RECEIVED   MEMORY   CPU
          talk-0  running  {time}  agent-0     0         0  {size}  {time}
        stderr:
    "#]],
    );
    check_beside(
        &scene,
        "status --output json",
        &expect![[r#"
        exit 0
        stdout:
          {"event":"status","job":"talk","pid":{number},"phase":"running","framework_id":"{id}","started":"{time}","uptime_seconds":{number},"groups":[{"group":"talk","count":1,"states":{"TASK_RUNNING":1}}],"agents":[{"agent":"{id}-S0","hostname":"agent-0","tasks":1}],"tasks":[{"task":"talk-0","group":"talk","state":"TASK_RUNNING","since":"{time}","agent":"{id}-S0","restarts":0,"messages_sent":0,"messages_received":0,"bytes_sent":0,"bytes_received":0,"stalls":0,"in":{"depth":0,"is_full":false,"is_sender_blocked":false},"out":{"depth":0,"is_full":false,"is_sender_blocked":false},"memory_bytes":{number},"memory_bytes_peak":{number},"cpu_seconds":{number}}],"channels":{"messages_sent":0,"messages_received":0,"bytes_sent":0,"bytes_received":0,"stalls":0},"forgotten":{"events":0,"lines":0}}
        stderr:
    "#]],
    );
    check_beside(
        &scene,
        "restart talk-0",
        &expect![[r#"
        exit 0
        stdout:
        stderr:
             Restarted task `talk-0`, which runs
    "#]],
    );
    wait_until_known(&scene);
    check_beside(
        &scene,
        "status talk",
        &expect![[r#"
        exit 0
        stdout:
          job `talk` (process {pid}): running for {time}
          framework {id}
          talk: 1 of 1 running
          on 1 agent: agent-0 (1)
          0 messages to tasks, 0 from tasks
          {size} of memory, {time} of CPU

          TASK    STATE    SINCE     AGENT    SENT  RECEIVED   MEMORY   CPU  RESTARTS
          talk-0  running  {time}  agent-0     0         0  {size}  {time}         1
        stderr:
    "#]],
    );
    check_beside(
        &scene,
        "stop --output json",
        &expect![[r#"
        exit 0
        stdout:
          {"event":"stopped","job":"talk","outcome":"interrupted","exit_code":130,"seconds":{number},"reason":"by the user"}
        stderr:
    "#]],
    );
    job.wait().assert_code(130);
    scene.assert_clean();
}

#[test]
fn what_has_happened_to_a_job() {
    let scene = scene();
    let job = waiting(&scene, "talk");
    let mut follower = start(&scene, "events --follow");
    follower.wait_for("what has happened so far", |line| {
        line.contains("app_started")
    });
    start(&scene, "kill talk-0").wait().assert_code(0);
    let shown = start(&scene, "events talk").wait();
    check_end(
        &scene,
        &steady(shown),
        &expect![[r#"
        exit 0
        stdout:
          {time} cluster_started agents=1 master=127.0.0.1:{port} masters=1
          {time} subscribed again=false framework_id={id}
          {time} placed agents=1 tasks=1
          {time} task task=talk-0 state=TASK_RUNNING agent={id}-S0
          {time} app_started
          {time} task task=talk-0 state=TASK_KILLING agent={id}-S0
          {time} task task=talk-0 state=TASK_KILLED message="the task returned" agent={id}-S0 usage.bytes_in=0 usage.bytes_out=0 usage.cpu_seconds={number} usage.memory_bytes={number} usage.memory_bytes_peak={number} usage.messages_in=0 usage.messages_out=0 usage.traps=0
        stderr:
    "#]],
    );
    let shown = start(&scene, "events --output json").wait();
    check_end(
        &scene,
        &steady(shown),
        &expect![[r#"
        exit 0
        stdout:
          {"seq":{number},"time":"{time}","agents":1,"event":"cluster_started","master":"127.0.0.1:{port}","masters":1}
          {"seq":{number},"time":"{time}","again":false,"event":"subscribed","framework_id":"{id}"}
          {"seq":{number},"time":"{time}","agents":1,"event":"placed","tasks":1}
          {"seq":{number},"time":"{time}","agent":"{id}-S0","event":"task","state":"TASK_RUNNING","task":"talk-0"}
          {"seq":{number},"time":"{time}","event":"app_started"}
          {"seq":{number},"time":"{time}","agent":"{id}-S0","event":"task","state":"TASK_KILLING","task":"talk-0"}
          {"seq":{number},"time":"{time}","agent":"{id}-S0","event":"task","message":"the task returned","state":"TASK_KILLED","task":"talk-0","usage":{"bytes_in":0,"bytes_out":0,"cpu_seconds":{number},"memory_bytes":{number},"memory_bytes_peak":{number},"messages_in":0,"messages_out":0,"traps":0}}
        stderr:
    "#]],
    );
    check_beside(
        &scene,
        "events --tail 1",
        &expect![[r#"
        exit 0
        stdout:
          {time} task task=talk-0 state=TASK_KILLED message="the task returned" agent={id}-S0 usage.bytes_in=0 usage.bytes_out=0 usage.cpu_seconds={number} usage.memory_bytes={number} usage.memory_bytes_peak={number} usage.messages_in=0 usage.messages_out=0 usage.traps=0
        stderr:
    "#]],
    );
    check_beside(
        &scene,
        "events talc",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: no job called `talc` runs here

          hint: running: talk@{pid}
    "#]],
    );
    check_beside(
        &scene,
        "events --since yesterday",
        &expect![[r#"
        exit 2
        stdout:
        stderr:
          error: invalid value 'yesterday' for '--since <TIME>': write how long ago, like `10m` or `1h30m`, or a time, like `2026-11-21T18:34`, which is UTC, or `2026-11-21T18:34:00+01:00`

          For more information, try '--help'.
    "#]],
    );
    start(&scene, "stop").wait().assert_code(0);
    job.wait().assert_code(130);
    check_end(
        &scene,
        &steady(follower.wait()),
        &expect![[r#"
        exit 0
        stdout:
          {time} cluster_started agents=1 master=127.0.0.1:{port} masters=1
          {time} subscribed again=false framework_id={id}
          {time} placed agents=1 tasks=1
          {time} task task=talk-0 state=TASK_RUNNING agent={id}-S0
          {time} app_started
          {time} task task=talk-0 state=TASK_KILLING agent={id}-S0
          {time} task task=talk-0 state=TASK_KILLED message="the task returned" agent={id}-S0 usage.bytes_in=0 usage.bytes_out=0 usage.cpu_seconds={number} usage.memory_bytes={number} usage.memory_bytes_peak={number} usage.messages_in=0 usage.messages_out=0 usage.traps=0
          {time} stopping reason="interrupted; once more ends the job at once"
          {time} app_returned
          {time} outcome outcome=interrupted reason="by the user" channels.bytes_received=0 channels.bytes_sent=0 channels.frames_resent={number} channels.frames_sent={number} channels.messages_received=0 channels.messages_sent=0 channels.moves={number} channels.stalls=0 exit_code=130 job=talk seconds={number} tasks=1 usage.cpu_seconds={number} usage.ends=1 usage.memory_bytes_peak={number} usage.traps=0
        stderr:
    "#]],
    );
    scene.assert_clean();
}
