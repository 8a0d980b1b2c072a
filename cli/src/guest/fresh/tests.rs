//! Notes of builds that never were: all that counts is what lies around.

use std::{fs, thread};

use tempfile::TempDir;

use super::*;

/// A project with one source, long since built.
struct Scene {
    folder: TempDir,
    notes: Notes,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["src", "out/rustlib/target/lib"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        for name in ["Cargo.toml", "Cargo.lock", "src/lib.rs", "out/a.wasm"] {
            fs::write(at(name), "").unwrap();
        }
        let source = at("src/lib.rs").display().to_string();
        fs::write(at("out/a.d"), format!("a.wasm: {source}\n")).unwrap();
        let notes = Notes::at(at("notes")).unwrap();
        Self { folder, notes }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn projects(&self) -> Vec<PathBuf> {
        vec![self.folder.path().to_owned()]
    }

    fn built(&self) -> Built {
        Built {
            artifacts: [(self.folder.path().to_owned(), self.at("out/a.wasm"))].into(),
            workspaces: self.projects(),
            target_library: self.at("out/rustlib/target/lib"),
        }
    }

    fn keep(&self) {
        let later = SystemTime::now() + 2 * CLOCK_SLACK;
        self.notes.keep(later, &self.built());
    }

    fn is_fresh(&self) -> bool {
        self.notes.fresh(&self.projects()).is_some()
    }
}

#[test]
fn what_was_built_is_fresh_until_something_changes() {
    let scene = Scene::new();
    assert!(!scene.is_fresh(), "nothing was built");
    scene.keep();
    let artifacts = scene.notes.fresh(&scene.projects()).unwrap();
    assert_eq!(artifacts, scene.built().artifacts);
    for name in ["src/lib.rs", "Cargo.toml", "Cargo.lock", "out/a.wasm"] {
        scene.keep();
        assert!(scene.is_fresh(), "{name}");
        // The same content, another time.
        let before = Seen::at(&scene.at(name));
        while Seen::at(&scene.at(name)) == before {
            fs::write(scene.at(name), "").unwrap();
            thread::yield_now();
        }
        assert!(!scene.is_fresh(), "{name}");
    }
}

#[test]
fn what_comes_to_be_or_is_lost_counts_as_well() {
    let scene = Scene::new();
    for name in ["build.rs", "src/Cargo.toml"] {
        scene.keep();
        assert!(scene.is_fresh(), "{name}");
        fs::write(scene.at(name), "").unwrap();
        assert!(!scene.is_fresh(), "{name}");
        fs::remove_file(scene.at(name)).unwrap();
    }
    scene.keep();
    fs::remove_file(scene.at("out/a.wasm")).unwrap();
    assert!(!scene.is_fresh());
}

#[test]
fn what_changed_while_it_was_built_is_not_noted() {
    let scene = Scene::new();
    scene.notes.keep(SystemTime::now(), &scene.built());
    assert!(!scene.is_fresh(), "its source is younger than the build");
}

#[test]
fn a_note_of_other_surroundings_does_not_count() {
    let scene = Scene::new();
    let later = SystemTime::now() + 2 * CLOCK_SLACK;
    let mut note = Note::of(later, &scene.built()).unwrap();
    scene.notes.write(&note).unwrap();
    assert!(scene.is_fresh());
    note.surroundings.push('x');
    scene.notes.write(&note).unwrap();
    assert!(!scene.is_fresh());
    fs::write(scene.notes.path(&scene.projects()).unwrap(), "{").unwrap();
    assert!(!scene.is_fresh());
}
