//! Listings of folders, with a bound.
//!
//! A folder is read to its end on a thread before the guest sees its first entry. A large folder, or
//! one of a file server that is slow, takes that thread for long. A guest waits for its listing, so a
//! task has one at a time; those of all tasks take turns here, so that they leave threads to
//! lookups, modules and other files. Whoever has a turn keeps it until the system answers, also
//! when its guest is gone. What was listed is host memory, of which a guest has so much.

use std::{fs, io, sync::Arc, vec};

use rustix::fs::{AtFlags, Dir, FileType, statat};
use tokio::sync::Semaphore;
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource, ResourceType},
};
use wasmtime_wasi::{
    filesystem::Descriptor,
    p2::bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode},
    runtime::spawn_blocking,
};

use crate::{files::INTERFACE, guest::GuestState};

/// Listings of all tasks at a time, of the 512 threads that the runtime has. A folder of this
/// machine takes less than a second for each hundred thousand files.
static LISTINGS: Semaphore = Semaphore::const_new(32);

/// What the listings of one guest take that it has not let go of: some hundred thousand files.
const BYTES_MAX: usize = 64 << 20;

/// What the listings take that a guest has not let go of.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    bytes: usize,
}

/// A listing, as the guest's handle names it.
struct Listing {
    entries: vec::IntoIter<Entry>,
    bytes: usize,
}

/// A file in a folder, or why there is none to tell.
type Entry = Result<DirectoryEntry, ErrorCode>;

/// Links listings in place of those of WASI's own host.
pub(crate) fn add_to_linker<C: Send + 'static>(
    linker: &mut Linker<GuestState<C>>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut types = linker.instance(INTERFACE)?;
    types.resource(
        "directory-entry-stream",
        ResourceType::host::<Listing>(),
        |mut store, handle| {
            let guest = store.data_mut();
            let listing = guest.table().delete(Resource::<Listing>::new_own(handle))?;
            guest.listed().bytes -= listing.bytes;
            Ok(())
        },
    )?;
    types.func_wrap_async(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, GuestState<C>>, (folder,): (Resource<Descriptor>,)| {
            Box::new(async move {
                let guest = store.data_mut();
                let folder = match guest.table().get(&folder)? {
                    Descriptor::Dir(folder) => Arc::clone(&folder.dir),
                    Descriptor::File(_) => return Ok((Err(ErrorCode::NotDirectory),)),
                };
                let bytes_max = BYTES_MAX - guest.listed().bytes;
                // It is never closed.
                let turn = LISTINGS.acquire().await;
                let listed = spawn_blocking(move || {
                    let _turn = turn;
                    list(&folder, bytes_max)
                });
                let listing = match listed.await {
                    Ok(listing) => listing,
                    Err(code) => return Ok((Err(code),)),
                };
                let bytes = listing.bytes;
                let listing = guest.table().push(listing)?;
                guest.listed().bytes += bytes;
                Ok((Ok(listing),))
            })
        },
    )?;
    types.func_wrap(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store: StoreContextMut<'_, GuestState<C>>, (listing,): (Resource<Listing>,)| {
            let listing = store.data_mut().table().get_mut(&listing)?;
            Ok((listing.entries.next().transpose(),))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// All that is in a folder, if that takes no more memory than this.
fn list(folder: &fs::File, bytes_max: usize) -> Result<Listing, ErrorCode> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for entry in Dir::read_from(folder).map_err(code)? {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                entries.push(Err(code(error)));
                break;
            }
        };
        let name = entry.file_name();
        if [&b"."[..], b".."].contains(&name.to_bytes()) {
            continue;
        }
        let is_unknown = entry.file_type() == FileType::Unknown;
        // Some file systems tell only who asks for each one.
        let found = is_unknown.then(|| statat(folder, name, AtFlags::SYMLINK_NOFOLLOW));
        let kind = match found {
            None => Ok(entry.file_type()),
            Some(found) => found.map(|found| FileType::from_raw_mode(found.st_mode)),
        };
        let text = name.to_str().map_err(|_| ErrorCode::IllegalByteSequence);
        bytes += size_of::<Entry>() + name.to_bytes().len();
        if bytes > bytes_max {
            return Err(ErrorCode::InsufficientMemory);
        }
        entries.push(text.and_then(|name| {
            let type_ = descriptor_type(kind.map_err(code)?);
            let name = name.to_owned();
            Ok(DirectoryEntry { type_, name })
        }));
    }
    let entries = entries.into_iter();
    Ok(Listing { entries, bytes })
}

fn code(error: rustix::io::Errno) -> ErrorCode {
    ErrorCode::from(io::Error::from(error))
}

fn descriptor_type(kind: FileType) -> DescriptorType {
    match kind {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::Unknown => DescriptorType::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(listing: Listing) -> Vec<(String, DescriptorType)> {
        let entries = listing.entries.map(|entry| entry.unwrap());
        let mut names: Vec<_> = entries.map(|entry| (entry.name, entry.type_)).collect();
        names.sort_by(|one, other| one.0.cmp(&other.0));
        names
    }

    #[test]
    fn a_listing_has_all_that_is_in_a_folder_and_no_more_than_fits() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        symlink("/", folder.path().join("link")).unwrap();
        let opened = fs::File::open(folder.path()).unwrap();
        // Each from its begin.
        for _ in 0..2 {
            let listing = list(&opened, BYTES_MAX).unwrap();
            let bytes = listing.bytes;
            let expected = [
                ("file", DescriptorType::RegularFile),
                ("folder", DescriptorType::Directory),
                ("link", DescriptorType::SymbolicLink),
            ];
            let expected = expected.map(|(name, kind)| (name.to_owned(), kind));
            assert_eq!(names(listing), expected);
            let refused = list(&opened, bytes - 1).err();
            assert_eq!(refused, Some(ErrorCode::InsufficientMemory));
        }
        let file = fs::File::open(folder.path().join("file")).unwrap();
        assert_eq!(list(&file, 0).err(), Some(ErrorCode::NotDirectory));
    }
}
