//! HTTP requests of guests: `wasi:http`, for those that may send some.
//!
//! Every task can call it; a request goes out only where the grants say so, and everything else is
//! refused with `HTTP-request-denied` or `destination-IP-prohibited`. Redirects, retries, cookies
//! and proxies are the guest's business: nothing is followed here. Requests are HTTP/1.1, each on
//! a connection of its own, so that no task ever uses what another one has opened.

mod body;
mod send;
mod target;
#[cfg(test)]
mod tests;

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use tokio::sync::Semaphore;
use tracing::{debug, warn};
use wasmtime::{
    StoreContextMut,
    component::{Component, Linker, Resource, ResourceTable},
};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks,
    p2::{
        add_only_http_to_linker_async,
        bindings::http::types::{ErrorCode, HostOutgoingRequest as _, Method},
        types::HostOutgoingRequest,
    },
};

use self::send::{Authorities, Sending};
use crate::{
    bindings::TaskState, engine::Engine, grants::HttpDestination, guest::GuestState, room::Room,
};

/// Requests of one guest that are under way at a time, or whose answers it has not read to their
/// end. Further ones wait. Browsers take six for a host; each costs a socket and some
/// [`send::BUFFER_BYTES`].
const CONNECTIONS_MAX: usize = 16;

/// Handles of a guest that imports HTTP. Each request that it has made and not sent holds host
/// memory: a path of up to 64 KiB, headers, the begin of a body.
const RESOURCES_MAX: usize = 1024;

/// What the headers of a request or answer may take in host memory. Servers take 8 KiB of them,
/// and their entries have a size besides.
const FIELDS_BYTES_MAX: usize = 32 * 1024;

/// What a guest can write to a body before it must wait until that was sent.
const BODY_BYTES: usize = 64 * 1024;

/// The longest host with its port, and the longest method: names have at most 253 characters. The
/// host keeps both for as long as the guest keeps its request.
const TEXT_BYTES_MAX: usize = 512;

/// Refusals of a guest that are logged: it may try for ever.
const REFUSALS_LOGGED_MAX: u32 = 16;

/// The HTTP state of one guest.
pub(crate) struct Http {
    context: WasiHttpCtx,
    hooks: Hooks,
    is_imported: bool,
}

/// What a guest's requests are sent by.
struct Hooks(Option<Arc<Client>>);

/// What the requests of a guest have in common.
struct Client {
    task: String,
    /// Each connection takes a file handle.
    room: Room,
    allowed: Vec<HttpDestination>,
    connections: Arc<Semaphore>,
    refusals: AtomicU32,
    authorities: Authorities,
}

impl Http {
    /// For a task, by what it is allowed and whether it can send requests at all.
    pub(crate) fn new(
        task: &str,
        allowed: Vec<HttpDestination>,
        is_imported: bool,
        room: &Room,
    ) -> Self {
        let client = || Client::new(task, allowed, Authorities::of_agent(), room);
        let client = is_imported.then(client);
        Self::with(client, is_imported)
    }

    /// For a guest whose world has no HTTP.
    pub(crate) fn none() -> Self {
        Self::with(None, false)
    }

    fn with(client: Option<Client>, is_imported: bool) -> Self {
        let mut context = WasiHttpCtx::new();
        context.set_field_size_limit(FIELDS_BYTES_MAX);
        Self {
            context,
            hooks: Hooks(client.map(Arc::new)),
            is_imported,
        }
    }

    /// How many handles the guest may have, if that is another number than for others.
    pub(crate) fn resources_max(&self) -> Option<usize> {
        self.is_imported.then_some(RESOURCES_MAX)
    }

    pub(crate) fn view<'a>(&'a mut self, table: &'a mut ResourceTable) -> WasiHttpCtxView<'a> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table,
            ctx: &mut self.context,
        }
    }
}

impl Client {
    fn new(
        task: &str,
        allowed: Vec<HttpDestination>,
        authorities: Authorities,
        room: &Room,
    ) -> Self {
        Self {
            task: task.to_owned(),
            room: room.clone(),
            allowed,
            connections: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            refusals: AtomicU32::new(0),
            authorities,
        }
    }

    /// Tells the operator why a request was not sent: the guest hears a code only.
    fn refused(&self, what: &dyn std::fmt::Display) {
        if self.refusals.fetch_add(1, Ordering::Relaxed) < REFUSALS_LOGGED_MAX {
            warn!(task = self.task, "HTTP request not sent: {what}");
        }
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Sending {
        let client = self.0.clone();
        Box::new(async move {
            let client = client.ok_or(Error::HttpRequestDenied)?;
            send::send(&client, request, options.unwrap_or_default()).await
        })
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_BYTES
    }

    fn p2_error_from_hyper(&mut self, error: &hyper::Error) -> ErrorCode {
        debug!(%error, "HTTP request failed");
        code_of(error)
    }
}

/// Whether tasks of a component can send requests.
pub(crate) fn is_imported(engine: &Engine, component: &Component) -> bool {
    component
        .component_type()
        .imports(engine.wasmtime())
        .any(|(name, _)| name.starts_with("wasi:http/"))
}

/// Links `wasi:http` for tasks.
pub(crate) fn add_to_linker(linker: &mut Linker<TaskState>) -> wasmtime::Result<()> {
    add_only_http_to_linker_async(linker)?;
    // Two texts have no bound there, and the host would keep what a guest makes of them.
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap(
        "[method]outgoing-request.set-method",
        |mut store: StoreContextMut<'_, TaskState>,
         (request, method): (Resource<HostOutgoingRequest>, Method)| {
            if matches!(&method, Method::Other(text) if text.len() > TEXT_BYTES_MAX) {
                return Ok((Err(()),));
            }
            Ok((view(&mut store).set_method(request, method)?,))
        },
    )?;
    types.func_wrap(
        "[method]outgoing-request.set-authority",
        |mut store: StoreContextMut<'_, TaskState>,
         (request, authority): (Resource<HostOutgoingRequest>, Option<String>)| {
            if authority
                .as_ref()
                .is_some_and(|text| text.len() > TEXT_BYTES_MAX)
            {
                return Ok((Err(()),));
            }
            Ok((view(&mut store).set_authority(request, authority)?,))
        },
    )?;
    // Wasmtime looks for codes only, and the end of a body comes as an error of its own kind.
    types.func_wrap(
        "http-error-code",
        |mut store: StoreContextMut<'_, TaskState>, (error,): (Resource<wasmtime::Error>,)| {
            let view = view(&mut store);
            let error = view.table.get(&error)?;
            Ok((match error.downcast_ref() {
                Some(Error::ConnectionReadTimeout) => Some(ErrorCode::ConnectionReadTimeout),
                Some(Error::Hyper(error)) => Some(code_of(error)),
                _ => error.downcast_ref::<ErrorCode>().cloned(),
            },))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// What a guest hears of a broken connection.
fn code_of(error: &hyper::Error) -> ErrorCode {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref());
    match cause.map(io::Error::kind) {
        Some(io::ErrorKind::UnexpectedEof) => return ErrorCode::HttpResponseIncomplete,
        Some(_) => return ErrorCode::ConnectionTerminated,
        None => {}
    }
    match error {
        error if error.is_timeout() => ErrorCode::HttpResponseTimeout,
        error if error.is_incomplete_message() => ErrorCode::HttpResponseIncomplete,
        error if error.is_closed() || error.is_canceled() => ErrorCode::ConnectionTerminated,
        _ => ErrorCode::HttpProtocolError,
    }
}

/// The version that wasmtime has; guests may be made for any other of 0.2.
const TYPES: &str = "wasi:http/types@0.2.12";

fn view<'a>(store: &'a mut StoreContextMut<'_, GuestState<()>>) -> WasiHttpCtxView<'a> {
    wasmtime_wasi_http::WasiHttpView::http(store.data_mut())
}
