//! The state of one guest as its host functions see it.
//!
//! It owns the guest's handles, its WASI context and its limits. WASI grants nothing but stdout,
//! stderr, clocks and random, and what the job file allows (`grants`): no arguments and an empty environment.
//! Arguments and environment reach a function as its parameters.

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use crate::{
    files::StreamTurns,
    handles::Handles,
    http::Http,
    limits::{Limits, RANDOM_BYTES_MAX},
    listings::Listed,
    lookups::Lookups,
    meter::Meter,
    output::GuestOutput,
};

/// What a guest may use.
pub(crate) struct Grants {
    pub(crate) memory_bytes_max: u64,
    /// What it takes is told to this one, which knows how much of a processor it may take.
    pub(crate) meter: Meter,
    pub(crate) output: GuestOutput,
    /// Files and sockets, beside output.
    pub(crate) wasi: WasiCtxBuilder,
    /// Requests that go out.
    pub(crate) http: Http,
    /// Names that are looked up.
    pub(crate) lookups: Lookups,
    /// Whether there is anything that it may open.
    pub(crate) may_open: bool,
    /// What it has open.
    pub(crate) handles: Handles,
}

/// Resources of one guest that the host keeps: its channels, pollables and streams. A program has a
/// few for each thing it waits for at once, and an app scheduler a pollable for each task that it
/// polls; this is one for each of 10,000 tasks and more, and costs a few MiB. Beyond it the guest ends.
const RESOURCES_MAX: usize = 16 * 1024;

/// The same of a guest that may open files or sockets, of which each stream keeps up to 64 KiB of
/// host memory: six for each socket that it may have, and some more.
const RESOURCES_OPENING_MAX: usize = 2 * 1024;

/// The data of a guest's store. `C` is what its world adds: nothing for a task, the control of the
/// job for an app scheduler.
pub(crate) struct GuestState<C> {
    table: ResourceTable,
    wasi: WasiCtx,
    http: Http,
    lookups: Lookups,
    handles: Handles,
    stream_turns: StreamTurns,
    listed: Listed,
    limits: Limits,
    meter: Meter,
    control: C,
}

/// WASI without files and sockets.
pub(crate) fn no_wasi() -> WasiCtxBuilder {
    let mut wasi = WasiCtx::builder();
    wasi.allow_tcp(false)
        .allow_udp(false)
        .max_random_size(RANDOM_BYTES_MAX);
    wasi
}

impl<C> GuestState<C> {
    pub(crate) fn new(grants: Grants, control: C) -> Self {
        let Grants {
            memory_bytes_max,
            meter,
            output,
            mut wasi,
            http,
            lookups,
            may_open,
            handles,
        } = grants;
        let wasi = wasi.stdout(output.stdout).stderr(output.stderr).build();
        let mut table = ResourceTable::new();
        let resources_max = match may_open {
            true => RESOURCES_OPENING_MAX,
            false => RESOURCES_MAX,
        };
        table.set_max_capacity(http.resources_max().unwrap_or(resources_max));
        Self {
            table,
            wasi,
            http,
            lookups,
            handles,
            stream_turns: StreamTurns::default(),
            listed: Listed::default(),
            limits: Limits::new(memory_bytes_max, meter.clone()),
            meter,
            control,
        }
    }

    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    pub(crate) fn limits_mut(&mut self) -> &mut Limits {
        &mut self.limits
    }

    pub(crate) fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    /// The files and sockets that it has open.
    pub(crate) fn handles(&mut self) -> &mut Handles {
        &mut self.handles
    }

    /// Whose turn it is among its streams of files.
    pub(crate) fn stream_turns(&mut self) -> &mut StreamTurns {
        &mut self.stream_turns
    }

    /// What its listings of folders take.
    pub(crate) fn listed(&mut self) -> &mut Listed {
        &mut self.listed
    }

    /// What it takes of a processor.
    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(crate) fn control(&self) -> &C {
        &self.control
    }
}

impl<C: Send> WasiView for GuestState<C> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl<C: Send> WasiHttpView for GuestState<C> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.http.view(&mut self.table)
    }
}
