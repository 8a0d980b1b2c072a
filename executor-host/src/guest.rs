//! The state of one guest as its host functions see it.
//!
//! It owns the guest's handles, its WASI context and its limits. WASI grants nothing but stdout,
//! stderr, clocks and random, and what the job file allows (`grants`): no arguments and an empty environment.
//! Arguments and environment reach a function as its parameters.

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use crate::{http::Http, limits::Limits, lookups::Lookups, meter::Meter, output::GuestOutput};

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
}

/// Handles of one guest that the host keeps: its channels, pollables and streams. A program has a
/// few for each thing it waits for at once, and an app scheduler a pollable for each task that it
/// polls; this is one for each of 10,000 tasks and more, and costs a few MiB. Beyond it the guest traps.
const RESOURCES_MAX: usize = 16 * 1024;

/// The data of a guest's store. `C` is what its world adds: nothing for a task, the control of the
/// job for an app scheduler.
pub(crate) struct GuestState<C> {
    table: ResourceTable,
    wasi: WasiCtx,
    http: Http,
    lookups: Lookups,
    limits: Limits,
    meter: Meter,
    control: C,
}

/// WASI without files and sockets.
pub(crate) fn no_wasi() -> WasiCtxBuilder {
    let mut wasi = WasiCtx::builder();
    wasi.allow_tcp(false).allow_udp(false);
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
        } = grants;
        let wasi = wasi.stdout(output.stdout).stderr(output.stderr).build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(http.resources_max().unwrap_or(RESOURCES_MAX));
        Self {
            table,
            wasi,
            http,
            lookups,
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
