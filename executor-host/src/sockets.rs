//! Sockets of guests, with a bound: WASI's own, counted.

use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource, ResourceType},
};
use wasmtime_wasi::{
    p2::{
        DynInputStream, DynOutputStream, SocketError, TcpSocket, UdpSocket,
        bindings::sockets::{
            network::{ErrorCode, IpAddressFamily},
            tcp::HostTcpSocket as _,
            tcp_create_socket::Host as _,
            udp_create_socket::Host as _,
        },
    },
    sockets::WasiSocketsView as _,
};

use crate::guest::GuestState;

/// A connection that has come, and its two ways.
type Accepted = (
    Resource<TcpSocket>,
    Resource<DynInputStream>,
    Resource<DynOutputStream>,
);

/// Has sockets counted, in linkers that have WASI's own host. Versions are those that wasmtime has;
/// guests may be made for any other of 0.2.
pub(crate) fn add_to_linker<C: Send + 'static>(
    linker: &mut Linker<GuestState<C>>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    linker
        .instance("wasi:sockets/tcp-create-socket@0.2.12")?
        .func_wrap(
            "create-tcp-socket",
            |mut store: StoreContextMut<'_, GuestState<C>>, (family,): (IpAddressFamily,)| {
                let guest = store.data_mut();
                if !guest.handles().may_open() {
                    return Ok((Err(ErrorCode::NewSocketLimit),));
                }
                let created = guest.sockets().create_tcp_socket(family);
                Ok((counted(guest, created)?,))
            },
        )?;
    linker
        .instance("wasi:sockets/udp-create-socket@0.2.12")?
        .func_wrap_async(
            "create-udp-socket",
            |mut store: StoreContextMut<'_, GuestState<C>>, (family,): (IpAddressFamily,)| {
                Box::new(async move {
                    let guest = store.data_mut();
                    if !guest.handles().may_open() {
                        return Ok((Err(ErrorCode::NewSocketLimit),));
                    }
                    let created = guest.sockets().create_udp_socket(family).await;
                    Ok((counted(guest, created)?,))
                })
            },
        )?;
    let mut tcp = linker.instance("wasi:sockets/tcp@0.2.12")?;
    tcp.func_wrap(
        "[method]tcp-socket.accept",
        |mut store: StoreContextMut<'_, GuestState<C>>, (listener,): (Resource<TcpSocket>,)| {
            let guest = store.data_mut();
            if !guest.handles().may_open() {
                return Ok((Err(ErrorCode::NewSocketLimit),));
            }
            let accepted: Result<Accepted, _> = guest.sockets().accept(listener);
            Ok((counted(guest, accepted)?,))
        },
    )?;
    tcp.resource(
        "tcp-socket",
        ResourceType::host::<TcpSocket>(),
        |mut store, handle| dropped(store.data_mut(), Resource::<TcpSocket>::new_own(handle)),
    )?;
    linker.instance("wasi:sockets/udp@0.2.12")?.resource(
        "udp-socket",
        ResourceType::host::<UdpSocket>(),
        |mut store, handle| dropped(store.data_mut(), Resource::<UdpSocket>::new_own(handle)),
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Counts what was made, and tells the guest why something was not.
fn counted<C, T>(
    guest: &mut GuestState<C>,
    made: Result<T, SocketError>,
) -> wasmtime::Result<Result<T, ErrorCode>> {
    match made {
        Ok(made) => {
            guest.handles().opened_socket();
            Ok(Ok(made))
        }
        Err(error) => {
            guest.handles().not_opened();
            Ok(Err(error.downcast()?))
        }
    }
}

/// Lets go of a socket. A connection goes with its streams at the latest, which are let go of before.
fn dropped<C, T: Send + 'static>(
    guest: &mut GuestState<C>,
    socket: Resource<T>,
) -> wasmtime::Result<()> {
    guest.table().delete(socket)?;
    guest.handles().closed_socket();
    Ok(())
}
