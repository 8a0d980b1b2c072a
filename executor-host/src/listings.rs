//! Listings of folders, with a bound.
//!
//! WASI's host reads a folder to its end on a thread before the guest sees its first entry. A large
//! folder, or one of a file server that is slow, takes that thread for long. A guest waits for its
//! listing, so a task has one at a time; those of all tasks take turns here, so that they leave
//! threads to lookups, modules and other files.

use tokio::sync::Semaphore;
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi::{
    filesystem::WasiFilesystemView as _,
    p2::bindings::filesystem::types::{Descriptor, HostDescriptor as _},
};

use crate::guest::GuestState;

/// Listings of all tasks at a time, of the 512 threads that the runtime has. A folder of this
/// machine takes less than a second for each hundred thousand files.
static LISTINGS: Semaphore = Semaphore::const_new(32);

/// The version that wasmtime has; guests may be made for any other of 0.2.
const INTERFACE: &str = "wasi:filesystem/types@0.2.12";

/// Has listings take turns, in linkers that have WASI's own host.
pub(crate) fn add_to_linker<C: Send + 'static>(
    linker: &mut Linker<GuestState<C>>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(INTERFACE)?;
    types.func_wrap_async(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, GuestState<C>>, (folder,): (Resource<Descriptor>,)| {
            Box::new(async move {
                // It is never closed.
                let _turn = LISTINGS.acquire().await;
                let listed = store.data_mut().filesystem().read_directory(folder).await;
                Ok((match listed {
                    Ok(entries) => Ok(entries),
                    Err(error) => Err(error.downcast()?),
                },))
            })
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}
