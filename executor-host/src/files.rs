//! Files of guests: WASI's own, but opened within a bound, and read and written with one.
//!
//! WASI's host reads and writes a stream on a thread, and a guest can begin that with as many
//! streams as it has handles without waiting for any. All tasks share the runtime's 512 threads, and
//! on a file server that hangs a thread is gone for as long as that takes. So the streams of a
//! task take turns, and then those of all tasks; who has a turn keeps it until the system answers.
//! Files are opened in turns as well. Other calls, as `stat`, are not bounded but by this: a task
//! makes one at a time. A call of a task that is killed goes on until the system answers.

mod streams;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource},
};
use wasmtime_wasi::{
    filesystem::{Descriptor, File, WasiFilesystemView as _},
    p2::{
        DynInputStream, DynOutputStream,
        bindings::filesystem::types::{
            DescriptorFlags, ErrorCode, HostDescriptor as _, OpenFlags, PathFlags,
        },
    },
    runtime::spawn_blocking,
};

use self::streams::{Begin, FileReader, FileWriter};
use crate::guest::GuestState;

/// Streams of all tasks that are read or written at a time, of the 512 threads that the runtime has.
static STREAMS: Semaphore = Semaphore::const_new(64);

/// Tasks that open a file at a time, of the same threads.
static OPENINGS: Semaphore = Semaphore::const_new(64);

/// Those of one task: an eighth, so that it takes eight to hold up another one's.
const STREAMS_EACH: usize = 8;

/// The version that wasmtime has; guests may be made for any other of 0.2.
pub(crate) const INTERFACE: &str = "wasi:filesystem/types@0.2.12";

/// The turns of one guest's streams. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamTurns(Option<Arc<Semaphore>>);

/// A turn among the streams of the guest, and one among those of all.
struct Turn {
    _own: OwnedSemaphorePermit,
    _everyones: SemaphorePermit<'static>,
}

impl StreamTurns {
    /// Those of the guest, which most have none of.
    fn of<C>(guest: &mut GuestState<C>) -> Self {
        let turns = guest.stream_turns();
        let make = || Arc::new(Semaphore::new(STREAMS_EACH));
        Self(Some(Arc::clone(turns.0.get_or_insert_with(make))))
    }

    /// Does what may block, on a thread, when there is a turn for it.
    async fn run<T: Send + 'static>(self, act: impl FnOnce() -> T + Send + 'static) -> T {
        let own = self.0.expect("it is of a stream");
        let own = own.acquire_owned().await;
        let everyones = STREAMS.acquire().await;
        let turn = Turn {
            _own: own.expect("the semaphore is never closed"),
            _everyones: everyones.expect("the semaphore is never closed"),
        };
        spawn_blocking(move || {
            let done = act();
            drop(turn);
            done
        })
        .await
    }
}

/// Has files opened and streams used within bounds, in linkers that have WASI's own host.
pub(crate) fn add_to_linker<C: Send + 'static>(
    linker: &mut Linker<GuestState<C>>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(INTERFACE)?;
    types.func_wrap_async(
        "[method]descriptor.open-at",
        |mut store: StoreContextMut<'_, GuestState<C>>,
         (folder, path_flags, path, how, flags): (
            Resource<Descriptor>,
            PathFlags,
            String,
            OpenFlags,
            DescriptorFlags,
        )| {
            Box::new(async move {
                let guest = store.data_mut();
                if !guest.handles().may_open() {
                    return Ok((Err(ErrorCode::Quota),));
                }
                let turn = OPENINGS.acquire().await;
                let mut files = guest.filesystem();
                let opened = files.open_at(folder, path_flags, path, how, flags).await;
                drop(turn);
                let opened = match opened {
                    Ok(opened) => opened,
                    Err(error) => {
                        guest.handles().not_opened();
                        return Ok((Err(error.downcast()?),));
                    }
                };
                let file = match guest.table().get(&opened)? {
                    Descriptor::File(file) => Arc::clone(&file.file),
                    Descriptor::Dir(folder) => Arc::clone(&folder.dir),
                };
                guest.handles().opened(&file);
                Ok((Ok(opened),))
            })
        },
    )?;
    types.func_wrap(
        "[method]descriptor.read-via-stream",
        |mut store: StoreContextMut<'_, GuestState<C>>,
         (file, offset): (Resource<Descriptor>, u64)| {
            let guest = store.data_mut();
            let file = match guest.table().get(&file)? {
                Descriptor::File(file) => Arc::clone(&file.file),
                Descriptor::Dir(_) => return Ok((Err(ErrorCode::IsDirectory),)),
            };
            let turns = StreamTurns::of(guest);
            let reader: DynInputStream = Box::new(FileReader::new(file, offset, turns));
            Ok((Ok(guest.table().push(reader)?),))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.write-via-stream",
        |mut store: StoreContextMut<'_, GuestState<C>>,
         (file, offset): (Resource<Descriptor>, u64)| {
            Ok((writer(store.data_mut(), &file, Begin::At(offset))?,))
        },
    )?;
    types.func_wrap(
        "[method]descriptor.append-via-stream",
        |mut store: StoreContextMut<'_, GuestState<C>>, (file,): (Resource<Descriptor>,)| {
            Ok((writer(store.data_mut(), &file, Begin::AtEnd)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// A stream that writes to a file, if the guest may.
fn writer<C: Send>(
    guest: &mut GuestState<C>,
    file: &Resource<Descriptor>,
    begin: Begin,
) -> wasmtime::Result<Result<Resource<DynOutputStream>, ErrorCode>> {
    let file = match guest.table().get(file)? {
        Descriptor::File(File { perms, .. }) if perms.write_not_permitted() => {
            return Ok(Err(ErrorCode::NotPermitted));
        }
        Descriptor::File(file) => Arc::clone(&file.file),
        Descriptor::Dir(_) => return Ok(Err(ErrorCode::BadDescriptor)),
    };
    let turns = StreamTurns::of(guest);
    let writer: DynOutputStream = Box::new(FileWriter::new(file, begin, turns));
    Ok(Ok(guest.table().push(writer)?))
}
