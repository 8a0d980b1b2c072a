//! Logs and colours: what flags and variables ask for, and that neither gets into stdout.

use expect_test::expect;
use serde_json::Value;

use crate::support::{Ended, Scene};

const JOB: &str = "job: logged
scheduler: { module: guests/director }
tasks:
  echo: { module: guests/actor, count: 1 }
";

fn plan(variables: &[(&str, &str)], flags: &[&str]) -> Ended {
    let scene = Scene::new();
    let job = scene.job(JOB).display().to_string();
    let args = [&["plan", &job, "--output", "json"], flags].concat();
    let ended = scene.start_with(variables, &args).wait();
    scene.assert_clean();
    ended
}

/// The records of a run that logs JSON.
#[track_caller]
fn records(ended: &Ended) -> Vec<Value> {
    ended.assert_code(0);
    let events = ended.events();
    assert!(
        events.iter().all(|event| event["event"].is_string()),
        "only events are on stdout: {}",
        ended.stdout
    );
    let parse = |line: &str| {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in record `{line}`"))
    };
    ended.stderr.lines().map(parse).collect()
}

#[test]
fn a_target_is_logged_alone_and_as_json() {
    let flags = ["--log", "http=debug,off", "--log-format", "json"];
    // The flag wins over the variable.
    let ended = plan(&[("MESOSGOT_LOG", "http=off,trace")], &flags);
    let records = records(&ended);
    assert!(!records.is_empty(), "something is logged");
    for record in &records {
        let target = record["target"].as_str().expect("it has a target");
        assert!(target.starts_with("hyper_util"), "{record}");
        assert!(record["timestamp"].is_string(), "{record}");
        assert!(record["level"].is_string(), "{record}");
        assert!(record["fields"]["message"].is_string(), "{record}");
    }
}

#[test]
fn a_flag_adds_to_what_the_variable_and_the_number_of_v_ask_for() {
    let targets = |ended: &Ended| {
        let records = records(ended);
        let targets = records
            .iter()
            .filter_map(|record| record["target"].as_str()?.split("::").next());
        let mut targets: Vec<_> = targets.map(str::to_owned).collect();
        targets.sort_unstable();
        targets.dedup();
        targets
    };
    let flags = ["-vv", "--log", "local-cluster=off", "--log-format", "json"];
    let ended = plan(&[], &flags);
    assert_eq!(targets(&ended), ["hyper_util", "mesos_client"]);
    let flags = [
        "--log",
        "http=off",
        "--log=local-cluster=debug",
        "--log-format=json",
    ];
    let ended = plan(&[("MESOSGOT_LOG", "http=debug,off")], &flags);
    assert_eq!(targets(&ended), ["mesosgot_local_cluster"]);
}

#[test]
fn what_cannot_be_logged_is_wrong_usage_and_named() {
    let ended = plan(&[], &["--log", "info,lnik=debug"]);
    ended.assert_code(2);
    assert_eq!(ended.outcome()["outcome"], "not_run");
    let scene = Scene::new();
    let ended = scene.run(&["schema", "--log", "info,lnik=debug"]);
    ended.assert_code(2);
    expect![[r#"
        error: `--log` is not understood
          caused by: `lnik=debug`: there is no target `lnik`

        hint: did you mean `link=debug`? targets are `mesosgot`, `framework`, `mesos-client`, `link`, `executor`, `local-cluster`, `http`
    "#]]
    .assert_eq(&ended.stderr);
    let ended = scene
        .start_with(&[("MESOSGOT_LOG", "inof")], &["schema"])
        .wait();
    ended.assert_code(2);
    expect![[r#"
        error: `MESOSGOT_LOG` is not understood
          caused by: `inof` is neither a level nor `TARGET=LEVEL`

        hint: did you mean `info`? levels are `off`, `error`, `warn`, `info`, `debug`, `trace`; targets are `mesosgot`, `framework`, `mesos-client`, `link`, `executor`, `local-cluster`, `http`
    "#]]
    .assert_eq(&ended.stderr);
}

/// Whether help, an error, a diagnostic and a log record are coloured, all of which agree.
#[track_caller]
fn is_coloured(variables: &[(&str, &str)], flags: &[&str]) -> bool {
    let scene = Scene::new();
    let wrong = scene.job("jbo: wrong\n").display().to_string();
    let run = |args: &[&str]| {
        let args = [args, flags].concat();
        let ended = scene.start_with(variables, &args).wait();
        let (printed, said) = (ended.stdout, ended.stderr);
        assert!(!(printed.is_empty() && said.is_empty()), "{args:?}");
        (printed + &said).contains('\u{1b}')
    };
    let job = scene.folder().join("logged.yaml");
    std::fs::write(&job, JOB).expect("the file can be written");
    let job = job.display().to_string();
    let all = [
        run(&["--help"]),
        run(&["check", "nowhere.yaml"]),
        run(&["check", &wrong]),
        run(&["plan", &job, "--quiet", "--log", "http=debug,off"]),
    ];
    assert!(
        all.iter().all(|coloured| *coloured == all[0]),
        "{all:?} with {variables:?} {flags:?}"
    );
    all[0]
}

#[test]
fn everything_is_coloured_or_nothing_is() {
    let plain = [("NO_COLOR", "")];
    assert!(!is_coloured(&plain, &[]), "nothing is a terminal");
    assert!(is_coloured(&plain, &["--color", "always"]));
    let forced = [("NO_COLOR", ""), ("CLICOLOR_FORCE", "1")];
    assert!(is_coloured(&forced, &[]));
    assert!(!is_coloured(&forced, &["--color", "never"]));
    let both = [("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")];
    assert!(!is_coloured(&both, &[]), "`NO_COLOR` wins");
    assert!(is_coloured(&both, &["--color=always"]), "the flag wins");
}
