//! Whose turn it is to fetch and compile a module on this machine.
//!
//! Executors of several jobs, waves and restarts often want the same module at the same time. The
//! first takes the turn, by a lock on a file beside the compiled modules; the others wait for what
//! it keeps there. The lock goes with the process that has it. Nobody waits for ever: to compile
//! twice costs time and does no harm.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tracing::debug;

use super::{CompiledCache, Digest};
use crate::engine::Engine;

/// What the files begin with. They stay, so that nobody locks one that another has just removed;
/// modules share some hundred of them by their digests' first byte.
pub(super) const TURN_PREFIX: &str = "turn-";

/// How long to wait for others: as long as the compiler needs for the largest usual modules on a
/// slow machine. Whoever has the turn for longer most likely waits for a dead server.
const TURN_WAIT: Duration = Duration::from_secs(60);

/// Between two looks at what others do.
const LOOK_MIN: Duration = Duration::from_millis(10);
const LOOK_MAX: Duration = Duration::from_millis(160);

/// The turn is over when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    /// None: another made it, or nobody can take turns here.
    #[cfg_attr(not(test), expect(dead_code, reason = "it is there to be dropped"))]
    locked: Option<File>,
}

impl Turn {
    /// Waits for the turn to make a module, or until it is there, or for as long as is sensible.
    pub(super) async fn take(cache: &CompiledCache, engine: &Engine, module: Digest) -> Self {
        Self::take_within(TURN_WAIT, cache, engine, module).await
    }

    async fn take_within(
        wait: Duration,
        cache: &CompiledCache,
        engine: &Engine,
        module: Digest,
    ) -> Self {
        let name = format!("{TURN_PREFIX}{:02x}", module.as_bytes()[0]);
        let path = cache.folder().join(name);
        let until = Instant::now() + wait;
        let mut pause = LOOK_MIN;
        loop {
            let locked = lock(&path).unwrap_or_else(|error| {
                debug!(path = %path.display(), %error, "nobody waits for a turn");
                Locked::Never
            });
            let locked = match locked {
                Locked::Here(file) => Some(file),
                Locked::Never => None,
                Locked::Elsewhere if cache.has(engine, module) => None,
                Locked::Elsewhere if Instant::now() >= until => None,
                Locked::Elsewhere => {
                    sleep(pause).await;
                    pause = LOOK_MAX.min(2 * pause);
                    continue;
                }
            };
            return Self { locked };
        }
    }
}

/// Who has a lock.
enum Locked {
    Here(File),
    Elsewhere,
    Never,
}

fn lock(path: &Path) -> io::Result<Locked> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(false);
    let file = options.mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Locked::Here(file)),
        Err(TryLockError::WouldBlock) => Ok(Locked::Elsewhere),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use wasmtime::component::Component;

    use super::*;

    const MODULE: &[u8] = b"\0asm\x0d\0\x01\0";

    fn is_mine(turn: &Turn) -> bool {
        turn.locked.is_some()
    }

    #[tokio::test]
    async fn one_makes_a_module_and_the_others_wait_until_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CompiledCache::open(folder.path(), u64::MAX).unwrap();
        let engine = Engine::new().unwrap();
        let module = Digest::from([1; 32]);
        let first = Turn::take(&cache, &engine, module).await;
        assert!(is_mine(&first));
        // Another module has another turn.
        let other = Turn::take(&cache, &engine, Digest::from([2; 32])).await;
        assert!(is_mine(&other));
        let (waiting, engine) = ((cache.clone(), engine.clone()), engine);
        let second = tokio::spawn(async move { Turn::take(&waiting.0, &waiting.1, module).await });
        let component = Component::from_binary(engine.wasmtime(), MODULE).unwrap();
        assert!(!second.is_finished());
        cache.store(&engine, module, &component);
        assert!(!is_mine(&second.await.unwrap()));
        drop(first);
        assert!(is_mine(&Turn::take(&cache, &engine, module).await));
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let cache = CompiledCache::open(folder.path(), u64::MAX).unwrap();
        let engine = Engine::new().unwrap();
        let module = Digest::from([1; 32]);
        let _stuck = Turn::take(&cache, &engine, module).await;
        let late = Turn::take_within(Duration::from_millis(30), &cache, &engine, module).await;
        assert!(!is_mine(&late));
        // Where no file can be made, nobody waits at all.
        drop(folder);
        assert!(!is_mine(&Turn::take(&cache, &engine, module).await));
    }
}
