//! `mesosgot plan`, and constraints in whole jobs.

use std::collections::BTreeSet;

use expect_test::{Expect, expect};

use crate::support::{Ended, Scene};

/// Three echoes and one larger task; modules are not looked at.
fn job(echo: &str) -> String {
    format!(
        "job: planned
scheduler: {{ module: guests/director }}
executor: {{ cpus: 0.1, mem: 64MiB }}
tasks:
  echo: {{ module: guests/actor, count: 3, cpus: 1, mem: 64MiB{echo} }}
  large: {{ module: guests/actor, cpus: 2, mem: 64MiB }}
"
    )
}

#[track_caller]
fn plan(echo: &str, flags: &[&str]) -> Ended {
    let scene = Scene::new();
    let path = scene.job(&job(echo)).display().to_string();
    scene.run(&[&["plan", &path, "--listen", "1"], flags].concat())
}

#[track_caller]
fn check(ended: &Ended, code: i32, expected: &Expect) {
    ended.assert_code(code);
    let last = ended.stderr.lines().last().unwrap_or_default();
    expected.assert_eq(&format!(
        "stdout:\n{}stderr, last line:\n{last}\n",
        ended.stdout
    ));
}

#[test]
fn a_gang_that_fits_is_shown_by_agent() {
    let flags = ["--agents", "2", "--resources", "cpus:3.1;mem:1024"];
    check(
        &plan("", &flags),
        0,
        &expect![[r#"
            stdout:
            agent-0: 1 echo, 1 large
            agent-1: 2 echo
            stderr, last line:
                 Planned job `planned` fits: 4 tasks on 2 agents
        "#]],
    );
}

#[test]
fn a_gang_that_does_not_fit_is_told_with_what_would_help() {
    let flags = ["--agents", "2", "--resources", "cpus:2.3;mem:1024"];
    let ended = plan("", &flags);
    check(
        &ended,
        1,
        &expect![[r#"
            stdout:
            stderr, last line:
            error: job `planned` does not fit: on offer are 2 agents; no place for 1 of 3 `echo`: 0.5 cpus are missing in all; it would fit with 0.8 more cpus on `agent-0`, or with 1 more agent like `agent-0`
        "#]],
    );
    assert!(
        ended.stderr.contains("job.yaml:5:"),
        "the place is shown: {}",
        ended.stderr
    );
}

#[test]
fn the_constraint_that_is_in_the_way_is_shown_in_the_job_file() {
    let flags = ["--agents", "2", "--output", "json"];
    let ended = plan(", constraints: [hostname unique]", &flags);
    ended.assert_code(1);
    let events = ended.events();
    let diagnostic = events.iter().find(|event| event["event"] == "diagnostic");
    let place = diagnostic.map(|found| (found["line"].as_u64(), found["column"].as_u64()));
    assert_eq!(place, Some((Some(5), Some(77))), "{events:?}");
    let last = events.last().expect("there are events");
    assert_eq!(last["event"], "planned");
    assert_eq!(
        (&last["fits"], &last["exit_code"]),
        (&false.into(), &1.into())
    );
    let remedies = last["remedies"].as_array().expect("a list").clone();
    assert_eq!(
        remedies,
        [
            "with `hostname max-per 2` in place of `hostname unique` of `echo`",
            "with 1 more agent like `agent-0`"
        ]
    );
}

#[test]
fn a_plan_for_programs_names_the_agents() {
    let flags = ["--agents", "3", "--output", "json"];
    let ended = plan(", constraints: [hostname unique]", &flags);
    ended.assert_code(0);
    let events = ended.events();
    let planned = events
        .iter()
        .filter(|event| event["event"] == "planned_agent");
    let echoes: Vec<_> = planned
        .map(|event| event["tasks"]["echo"].as_u64())
        .collect();
    assert_eq!(echoes, [Some(1); 3]);
    let last = events.last().expect("there are events");
    assert_eq!(
        (&last["event"], &last["fits"]),
        (&"planned".into(), &true.into())
    );
    let launched = events.iter().find(|event| event["event"] == "task");
    assert_eq!(launched, None, "nothing is launched");
}

#[test]
fn a_master_that_is_not_there_is_named() {
    let scene = Scene::new();
    let text = job("").replace("executor:", "cluster: { timeout: 1s }\nexecutor:");
    let path = scene.job(&text).display().to_string();
    // Nobody listens on the port of tcpmux.
    let ended = scene.run(&["plan", &path, "--master", "127.0.0.1:1"]);
    ended.assert_code(3);
    assert!(ended.stderr.contains("127.0.0.1:1"), "{}", ended.stderr);
}

#[test]
fn a_job_runs_where_its_constraints_let_it() {
    let scene = Scene::new();
    let job = scene.job(
        "job: apart
scheduler: { module: guests/director, args: [greet] }
tasks:
  apart: { module: guests/actor, args: [echo], count: 3, constraints: [hostname unique] }
  first: { module: guests/actor, args: [echo], count: 2, constraints: [hostname is agent-2] }
",
    );
    let ended = scene.run(&[
        "run",
        &job.display().to_string(),
        "--agents",
        "3",
        "--output",
        "json",
    ]);
    ended.assert_code(0);
    let agents_of = |group: &str| -> BTreeSet<String> {
        let events = ended.events().into_iter();
        let of_group = |event: &serde_json::Value| {
            let task = event["task"].as_str().unwrap_or_default();
            event["state"] == "TASK_RUNNING" && task.starts_with(group)
        };
        events
            .filter(of_group)
            .map(|event| event["agent"].to_string())
            .collect()
    };
    assert_eq!(agents_of("apart").len(), 3);
    assert_eq!(agents_of("first").len(), 1);
}

#[test]
fn tasks_get_ports_of_those_that_are_offered_and_find_them_in_their_environment() {
    let scene = Scene::new();
    let job = scene.job(
        "job: ports
scheduler: { module: guests/director, args: [greet] }
tasks:
  any: { module: guests/actor, args: [env, PORTS], count: 2, ports: 2 }
  web: { module: guests/actor, args: [env, PORT0], ports: [31001], resources: { fpga: 1 } }
",
    );
    let job = job.display().to_string();
    let offered = "cpus:4;mem:1024;fpga:1;ports:[31000-31004]";
    let ended = scene.run(&["run", &job, "--resources", offered]);
    ended.assert_code(0);
    let mut said: Vec<&str> = ended
        .stdout
        .lines()
        .filter_map(|line| line.split_once(" says ").map(|(_, ports)| ports))
        .collect();
    said.sort_unstable();
    assert_eq!(said, ["31000,31002", "31001", "31003,31004"]);

    let offered = "cpus:4;mem:1024;fpga:1;ports:[31002-31006]";
    let ended = scene.run(&["plan", &job, "--listen", "1", "--resources", offered]);
    check(
        &ended,
        1,
        &expect![[r#"
        stdout:
        stderr, last line:
        error: job `ports` does not fit: on offer is 1 agent; no place for 1 of 1 `web`: one needs port 31001, which no agent offers
    "#]],
    );
}

#[test]
fn constraints_can_be_tried_on_embedded_agents_with_attributes() {
    let racks = ["--attributes", "rack:r1", "--attributes", "rack:r2;level:3"];
    let flags = [&racks[..], &["--agents", "3"]].concat();
    let placed = plan(", constraints: [rack is r1, hostname max-per 2]", &flags);
    placed.assert_code(0);
    let agents: Vec<&str> = placed
        .stdout
        .lines()
        .filter(|line| line.contains("echo"))
        .collect();
    assert_eq!(
        agents.len(),
        2,
        "agents 0 and 2 are in r1: {}",
        placed.stdout
    );
    assert!(!placed.stdout.contains("agent-1"), "{}", placed.stdout);

    let apart = plan(", constraints: [rack unique]", &racks);
    check(
        &apart,
        1,
        &expect![[r#"
        stdout:
        stderr, last line:
        error: job `planned` does not fit: on offer are 2 agents; no place for 1 of 3 `echo`: `rack unique` allows no more; it would fit with `rack max-per 2` in place of `rack unique` of `echo`
    "#]],
    );
}

#[test]
fn agents_of_other_regions_are_offered_to_jobs_that_choose_among_regions() {
    let regions = [
        "--attributes",
        "@region:eu;@zone:eu-1",
        "--attributes",
        "@region:us;@zone:us-1",
    ];
    let far = plan(", constraints: ['@region is us']", &regions);
    far.assert_code(0);
    assert!(far.stdout.contains("agent-1: 3 echo"), "{}", far.stdout);
    let near = plan(", constraints: ['@zone unlike eu-.*']", &regions);
    check(
        &near,
        1,
        &expect![[r#"
        stdout:
        stderr, last line:
        error: job `planned` does not fit: on offer is 1 agent; no place for 3 of 3 `echo`: no agent satisfies its constraints, most not `@zone unlike eu-.*`; it would fit without `@zone unlike eu-.*` of `echo`
    "#]],
    );
}

#[test]
fn attributes_that_are_none_are_shown_with_how_they_are_written() {
    check(
        &plan("", &["--attributes", "@zone:a"]),
        2,
        &expect![[r#"
            stdout:
            stderr, last line:
            hint: write it like `rack:r1;level:2` or `@region:eu;@zone:eu-1`
        "#]],
    );
}
