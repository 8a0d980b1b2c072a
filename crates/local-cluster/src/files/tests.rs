//! Paths in and out of sandboxes.

use std::os::unix::fs::symlink;

use super::*;

/// A work directory with a sandbox of agent `S`, framework `F`, executor `E` and runs `1` and `2`.
struct Fixture {
    work_dir: tempfile::TempDir,
    files: Files,
}

impl Fixture {
    fn new() -> Self {
        let work_dir = tempfile::tempdir().unwrap();
        let runs = runs(work_dir.path());
        for run in ["1", "2"] {
            fs::create_dir_all(runs.join(run).join("sub")).unwrap();
            fs::write(runs.join(run).join("stdout"), format!("run {run}")).unwrap();
        }
        symlink(runs.join("2"), runs.join("latest")).unwrap();
        symlink("/etc/passwd", runs.join("2/out")).unwrap();
        symlink("stdout", runs.join("2/in")).unwrap();
        symlink("nowhere", runs.join("2/broken")).unwrap();
        let files = Files::new(work_dir.path().to_owned());
        files.set_agent_id("S".into());
        Self { work_dir, files }
    }

    fn read(&self, path: &str) -> Result<String, String> {
        let part = self.files.read(path, 0, None);
        part.map(|part| String::from_utf8(part.data).unwrap())
            .map_err(|error| {
                let error = error.to_string();
                error.replace(self.work_dir.path().to_str().unwrap(), "W")
            })
    }
}

fn runs(work_dir: &Path) -> PathBuf {
    work_dir.join("slaves/S/frameworks/F/executors/E/runs")
}

const LATEST_RUN: &str = "/frameworks/F/executors/E/runs/latest";

#[test]
fn a_sandbox_has_three_names() {
    let fixture = Fixture::new();
    let runs = runs(fixture.work_dir.path());
    let real = |run: &str| format!("{}/{run}/stdout", runs.display());
    assert_eq!(fixture.read(&real("1")), Ok("run 1".to_owned()));
    assert_eq!(fixture.read(&real("latest")), Ok("run 2".to_owned()));
    let virtual_path = format!("{LATEST_RUN}/stdout");
    assert_eq!(fixture.read(&virtual_path), Ok("run 2".to_owned()));
    assert_eq!(
        fixture.read(&format!("{LATEST_RUN}/in")),
        Ok("run 2".to_owned())
    );
    let names: Vec<_> = fixture.files.all().into_iter().map(|it| it.0).collect();
    let expected = [
        LATEST_RUN.to_owned(),
        format!("{}/1", runs.display()),
        format!("{}/2", runs.display()),
        format!("{}/latest", runs.display()),
    ];
    assert_eq!(names, expected);
}

#[test]
fn no_path_leads_out_of_a_sandbox() {
    let fixture = Fixture::new();
    let out = |path: &str| fixture.read(&format!("{LATEST_RUN}/{path}"));
    let real = "'W/slaves/S/frameworks/F/executors/E/runs/2";
    let inaccessible = |path: &str| Err(format!("{real}/{path}' is inaccessible.\n"));
    assert_eq!(out("../1/stdout"), inaccessible("../1/stdout"));
    assert_eq!(out("out"), inaccessible("out"));
    assert_eq!(out("../../../../../.."), inaccessible("../../../../../.."));
    assert_eq!(out("broken"), Err("not found".to_owned()));
    assert_eq!(out("sub"), Err("a directory".to_owned()));
    for path in [
        "",
        "/",
        "/etc/passwd",
        "/frameworks/F/executors/E/runs/1/stdout",
        "/frameworks/../executors/E/runs/latest/stdout",
    ] {
        assert_eq!(fixture.read(path), Err("not found".to_owned()), "{path}");
    }
}

#[test]
fn a_sandbox_that_its_executor_has_replaced_by_a_link_is_not_shown() {
    let fixture = Fixture::new();
    let run = runs(fixture.work_dir.path()).join("2");
    fs::remove_dir_all(&run).unwrap();
    symlink("/etc", &run).unwrap();
    let passwd = format!("{LATEST_RUN}/passwd");
    assert_eq!(fixture.read(&passwd), Err("not found".to_owned()));
}

#[test]
fn sandboxes_of_other_agents_in_the_same_directory_are_not_shown() {
    let fixture = Fixture::new();
    fixture.files.set_agent_id("T".into());
    let path = format!("{}/1/stdout", runs(fixture.work_dir.path()).display());
    assert_eq!(fixture.read(&path), Err("not found".to_owned()));
}

#[test]
fn a_pipe_is_not_waited_for() {
    let fixture = Fixture::new();
    let pipe = runs(fixture.work_dir.path()).join("2/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));
    let read = fixture.read(&format!("{LATEST_RUN}/pipe"));
    let text = "'W/slaves/S/frameworks/F/executors/E/runs/2/pipe' is inaccessible.\n";
    assert_eq!(read, Err(text.to_owned()));
}
