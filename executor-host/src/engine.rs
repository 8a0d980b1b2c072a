//! The wasm engine: the only place that configures wasmtime.
//!
//! It owns what is shared by all guests of a process: compiler settings, the linkers with every
//! host function, the epoch, which makes a busy guest yield, and the places for busy guests. It refuses core modules, threads
//! and everything of the component model that needs more than one fiber a guest.

use std::{num::NonZeroUsize, sync::Arc, thread, time::Duration};

use wasmtime::{Config, Store, UpdateDeadline};

use crate::{
    bindings::Linkers,
    guest::{Grants, GuestState},
    limits::HOSTCALL_BYTES_MAX,
    room::Room,
    turns::Turns,
};

/// A configured wasm engine with its linkers. Clones share it.
///
/// One per process is right: compiled modules belong to the engine that compiled them.
#[derive(Clone)]
pub struct Engine {
    wasmtime: wasmtime::Engine,
    linkers: Arc<Linkers>,
    turns: Turns,
    room: Room,
}

/// The engine could not be made on this machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the wasm engine cannot run here: {0}")]
pub struct EngineError(String);

impl Engine {
    /// Makes an engine and starts its epoch, which ends with the last clone.
    ///
    /// # Errors
    ///
    /// When wasmtime cannot work on this processor or the epoch's thread cannot be started.
    pub fn new() -> Result<Self, EngineError> {
        Self::with_turns(Turns::new())
    }

    /// The same, whose guests take these turns.
    pub(crate) fn with_turns(turns: Turns) -> Result<Self, EngineError> {
        let wasmtime = wasmtime::Engine::new(&config()).map_err(EngineError::because)?;
        let linkers = Linkers::new(&wasmtime).map_err(EngineError::because)?;
        start_epoch(&wasmtime).map_err(|error| EngineError(error.to_string()))?;
        Ok(Self {
            wasmtime,
            linkers: Arc::new(linkers),
            turns,
            room: Room::of_process(),
        })
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.wasmtime
    }

    pub(crate) fn linkers(&self) -> &Linkers {
        &self.linkers
    }

    /// What runs the guests.
    pub(crate) fn turns(&self) -> &Turns {
        &self.turns
    }

    /// What the system gives this process for tasks.
    pub(crate) fn room(&self) -> &Room {
        &self.room
    }

    /// A store for one guest: limits set, and yielding at a tick of the epoch, when it is
    /// also looked whether it has used up its processor time.
    pub(crate) fn store<C: Send + 'static>(
        &self,
        grants: Grants,
        control: C,
    ) -> Store<GuestState<C>> {
        let mut store = Store::new(&self.wasmtime, GuestState::new(grants, control));
        store.limiter(|state| state.limits_mut());
        store.set_hostcall_fuel(HOSTCALL_BYTES_MAX);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|guest| {
            let meter = guest.data().meter();
            meter.check()?;
            // One that has rested meets all the ticks of that time when it goes on. It has just
            // begun, and most are done before the next tick.
            Ok(match meter.turn() < TURN_MIN {
                true => UpdateDeadline::Continue(1),
                false => UpdateDeadline::Yield(1),
            })
        });
        store
    }
}

impl EngineError {
    fn because(error: wasmtime::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

/// How often a busy guest gives way to its neighbours and looks whether it was stopped.
///
/// A neighbour waits that long for a guest that begins to compute beside it, at home. Shorter costs
/// a wake-up of the ticker for nothing, longer shows in round trips.
pub const EPOCH_TICK: Duration = Duration::from_millis(5);

/// A turn that has taken less does not end by a tick.
const TURN_MIN: Duration = Duration::from_millis(1);

/// Wasm stack of a guest. Wasmtime's default, deep enough for any code that is not runaway
/// recursion.
const WASM_STACK_BYTES: usize = 512 * 1024;

/// The whole stack of a fiber: the guest's and as much again for the host functions it calls.
/// It is reserved address space; only touched pages cost memory.
const FIBER_STACK_BYTES: usize = 2 * WASM_STACK_BYTES;

/// Frames kept of a trap. More than fit the bounded status message help nobody.
const BACKTRACE_FRAMES_MAX: NonZeroUsize = NonZeroUsize::new(32).expect("32 is not zero");

fn config() -> Config {
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .wasm_backtrace_max_frames(Some(BACKTRACE_FRAMES_MAX))
        // Each memory is a reservation of its own, made on demand: a pool would map the stacks of
        // all tasks that may ever come, and bound every memory by its slot. The guard *before* a
        // memory is 32 MiB, which stops nobody who can choose an address, and costs one of the
        // seven maps that a task would have: without it 10,000 tasks fit what Linux allows.
        .guard_before_linear_memory(false)
        // Wasm backtraces walk frame pointers; the system's unwinder never sees a guest.
        .native_unwind_info(false);
    config
}

/// Advances the epoch until the engine is gone.
fn start_epoch(engine: &wasmtime::Engine) -> std::io::Result<()> {
    let engine = engine.weak();
    let tick = move || {
        while let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
            // Held across the sleep it would keep the engine alive.
            drop(engine);
            thread::sleep(EPOCH_TICK);
        }
    };
    let name = "wasm-epoch".to_owned();
    thread::Builder::new()
        .name(name)
        .spawn(tick)
        .map(|_detached| ())
}
