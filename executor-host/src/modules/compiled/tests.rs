//! Files of compiled modules: kept, changed, replaced, removed.

use std::{
    collections::{BTreeSet, HashMap},
    ffi::OsString,
    os::unix::fs::symlink,
    sync::LazyLock,
    thread,
};

use tempfile::TempDir;

use super::*;

/// The smallest component: nothing in it.
const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new().expect("wasm runs here"));

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

fn open(folder: &TempDir) -> CompiledCache {
    CompiledCache::open(folder.path(), u64::MAX).expect("a cache")
}

fn compiled() -> Component {
    Component::from_binary(ENGINE.wasmtime(), EMPTY).expect("a component")
}

fn digest(number: u8) -> Digest {
    Digest::from([number; 32])
}

/// The files of a cache but for its key.
fn files(folder: &TempDir) -> BTreeSet<PathBuf> {
    fs::read_dir(folder.path().join("compiled"))
        .expect("the folder")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| !path.ends_with(KEY_NAME))
        .collect()
}

fn only_file(folder: &TempDir) -> PathBuf {
    let files = files(folder);
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().expect("one")
}

#[test]
fn what_was_kept_is_there_for_all_who_open_the_folder() {
    let folder = folder();
    assert!(open(&folder).load(&ENGINE, digest(1)).is_none());
    open(&folder).store(&ENGINE, digest(1), &compiled());
    assert!(open(&folder).load(&ENGINE, digest(1)).is_some());
    assert!(open(&folder).load(&ENGINE, digest(2)).is_none());
}

#[test]
fn a_file_in_which_a_bit_was_turned_is_removed_and_not_loaded() {
    let folder = folder();
    let cache = open(&folder);
    cache.store(&ENGINE, digest(1), &compiled());
    let file = only_file(&folder);
    let kept = fs::read(&file).expect("the file");
    // The code in front, and places all over the rest.
    let step = (kept.len() / 100).max(1);
    for place in (0..TAG_BYTES).chain((TAG_BYTES..kept.len()).step_by(step)) {
        let mut changed = kept.clone();
        changed[place] ^= 1 << (place % 8);
        fs::write(&file, changed).expect("writing");
        assert!(cache.load(&ENGINE, digest(1)).is_none(), "byte {place}");
        assert!(!file.exists(), "byte {place}");
    }
    fs::write(&file, &kept).expect("writing");
    assert!(cache.load(&ENGINE, digest(1)).is_some());
}

#[test]
fn a_file_that_was_cut_or_grew_is_not_loaded() {
    let folder = folder();
    let cache = open(&folder);
    cache.store(&ENGINE, digest(1), &compiled());
    let file = only_file(&folder);
    let kept = fs::read(&file).expect("the file");
    for length in [0, 1, TAG_BYTES - 1, TAG_BYTES, kept.len() - 1] {
        fs::write(&file, &kept[..length]).expect("writing");
        assert!(cache.load(&ENGINE, digest(1)).is_none(), "{length} bytes");
    }
    fs::write(&file, [&kept[..], b"\0"].concat()).expect("writing");
    assert!(cache.load(&ENGINE, digest(1)).is_none());
}

#[test]
fn a_file_is_not_loaded_in_place_of_another() {
    let folder = folder();
    let cache = open(&folder);
    cache.store(&ENGINE, digest(1), &compiled());
    let own = only_file(&folder);
    let other = own.with_file_name(name(&ENGINE, digest(2)));
    fs::rename(own, other).expect("renaming");
    assert!(cache.load(&ENGINE, digest(2)).is_none());
}

#[test]
fn what_another_key_has_signed_is_not_loaded() {
    let (theirs, ours) = (folder(), folder());
    open(&theirs).store(&ENGINE, digest(1), &compiled());
    let cache = open(&ours);
    let file = only_file(&theirs);
    let place = ours
        .path()
        .join("compiled")
        .join(file.file_name().expect("a name"));
    fs::copy(file, &place).expect("copying");
    assert!(cache.load(&ENGINE, digest(1)).is_none());
}

#[test]
fn a_folder_that_others_can_enter_or_that_is_a_link_is_refused() {
    let open_to_all = folder();
    let inside = open_to_all.path().join("compiled");
    fs::create_dir(&inside).expect("a folder");
    fs::set_permissions(&inside, Permissions::from_mode(0o755)).expect("permissions");
    let error = CompiledCache::open(open_to_all.path(), 1).expect_err("others can enter");
    assert!(matches!(error, CacheError::NotOurs { .. }), "{error}");
    assert!(error.to_string().contains("MESOSGOT_CACHE_DIR"), "{error}");

    let (linked, target) = (folder(), folder());
    symlink(target.path(), linked.path().join("compiled")).expect("a link");
    let error = CompiledCache::open(linked.path(), 1).expect_err("a link");
    assert!(matches!(error, CacheError::NotOurs { .. }), "{error}");

    let taken = folder();
    fs::write(taken.path().join("compiled"), "").expect("a file");
    let error = CompiledCache::open(taken.path(), 1).expect_err("a file");
    assert!(matches!(error, CacheError::Io { .. }), "{error}");
}

#[test]
fn a_folder_in_one_where_others_can_exchange_it_is_refused() {
    let folder = folder();
    let set = |mode| fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
    let opened = |path: &Path| CompiledCache::open(path, u64::MAX);
    for (mode, is_refused) in [
        (0o755, false),
        (0o777, true),
        (0o775, true),
        (0o757, true),
        // As `/tmp` is.
        (0o1777, false),
        (0o700, false),
    ] {
        set(mode);
        let found = opened(folder.path());
        let is_foreign = matches!(found, Err(CacheError::InForeign { .. }));
        assert_eq!(is_foreign, is_refused, "{mode:o}: {found:?}");
        assert_eq!(found.is_err(), is_refused, "{mode:o}: {found:?}");
    }
    let link = folder.path().join("link");
    let real = folder.path().join("real");
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    assert!(opened(&link).is_ok());
    fs::set_permissions(&real, Permissions::from_mode(0o777)).unwrap();
    let text = opened(&link).unwrap_err().to_string();
    assert!(
        text.contains("chmod go-w") && text.contains("`MESOSGOT_CACHE_DIR`"),
        "{text}"
    );
    // Whatever its mode is, if another user has made it. Only root can try that.
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(folder.path(), Some(54_321), None).unwrap();
        let found = opened(folder.path());
        assert!(
            matches!(found, Err(CacheError::InForeign { .. })),
            "{found:?}"
        );
    }
}

#[test]
fn all_who_come_at_once_get_one_key_and_a_broken_one_is_replaced() {
    let folder = folder();
    let keys = || {
        thread::scope(|scope| {
            let open = || open(&folder).tag("name", b"code").as_ref().to_vec();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            let tags = threads
                .into_iter()
                .map(|thread| thread.join().expect("a tag"));
            tags.collect::<BTreeSet<_>>()
        })
    };
    let first = keys();
    assert_eq!(first.len(), 1);
    let key = folder.path().join("compiled").join(KEY_NAME);
    assert_eq!(fs::metadata(&key).expect("the key").mode() & 0o777, 0o600);
    fs::write(&key, "cut").expect("writing");
    let second = open(&folder).tag("name", b"code").as_ref().to_vec();
    assert!(!first.contains(&second));
    assert_eq!(keys(), BTreeSet::from([second]));
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    let folder = folder();
    open(&folder).store(&ENGINE, digest(1), &compiled());
    let size = fs::metadata(only_file(&folder)).expect("a file").len();
    let cache = CompiledCache::open(folder.path(), 2 * size).expect("a cache");
    cache.store(&ENGINE, digest(2), &compiled());
    let age = |number, seconds| {
        let path = folder
            .path()
            .join("compiled")
            .join(name(&ENGINE, digest(number)));
        let file = File::options().write(true).open(path).expect("a file");
        let then = SystemTime::now() - Duration::from_secs(seconds);
        file.set_modified(then).expect("a time");
    };
    age(1, 200);
    age(2, 100);
    assert!(cache.load(&ENGINE, digest(1)).is_some());
    cache.store(&ENGINE, digest(3), &compiled());
    let is_there = |number| cache.load(&ENGINE, digest(number)).is_some();
    assert_eq!([1, 2, 3].map(is_there), [true, false, true]);
}

#[test]
fn what_is_larger_than_the_whole_is_not_kept() {
    let folder = folder();
    let cache = CompiledCache::open(folder.path(), 100).expect("a cache");
    cache.store(&ENGINE, digest(1), &compiled());
    assert_eq!(files(&folder), BTreeSet::new());
}

#[test]
fn what_dead_writers_left_is_removed_and_what_is_being_written_is_not() {
    let folder = folder();
    let cache = open(&folder);
    let place = |name: &str| folder.path().join("compiled").join(name);
    for name in [".unfinished-old", ".unfinished-new"] {
        fs::write(place(name), "half").expect("writing");
    }
    let old = File::options().write(true).open(place(".unfinished-old"));
    let then = SystemTime::now() - 2 * UNFINISHED_AGE;
    old.expect("a file").set_modified(then).expect("a time");
    cache.store(&ENGINE, digest(1), &compiled());
    assert!(!place(".unfinished-old").exists());
    assert!(place(".unfinished-new").exists());
}

#[test]
fn the_folder_is_the_one_that_is_named_or_the_users_own() {
    let with = |variables: &[(&str, &str)]| {
        let variables: HashMap<_, _> = variables.iter().copied().collect();
        cache_folder(|name| variables.get(name).map(OsString::from))
    };
    let home = ("HOME", "/home/ann");
    let xdg = ("XDG_CACHE_HOME", "/cache");
    let path = |text: &str| Some(PathBuf::from(text));
    assert_eq!(with(&[(CACHE_VARIABLE, "/here"), home]), path("/here"));
    assert_eq!(with(&[(CACHE_VARIABLE, ""), home]), None);
    assert_eq!(with(&[xdg, home]), path("/cache/mesosgot"));
    assert_eq!(with(&[home]), path("/home/ann/.cache/mesosgot"));
    // A path that depends on where we are is none.
    assert_eq!(
        with(&[("XDG_CACHE_HOME", "here"), home]),
        path("/home/ann/.cache/mesosgot")
    );
    let user = rustix::process::geteuid().as_raw();
    assert_eq!(with(&[]), path(&format!("/var/tmp/mesosgot-{user}")));
}
