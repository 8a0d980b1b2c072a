//! The addresses of names, for guests: `wasi:sockets/ip-name-lookup`, with a bound.
//!
//! The system looks up one name on one thread and cannot be stopped, while a guest can begin as
//! many as it has handles, and let go of them at once. WASI's own host gives each a thread. Threads
//! are also what files, modules and requests of all tasks need. So the lookups of a task take
//! turns, and then those of all tasks; whoever has a turn keeps it until the system answers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    pin::Pin,
    sync::Arc,
    vec,
};

use tokio::{
    net::lookup_host,
    sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit},
};
use tracing::debug;
use wasmtime::{
    StoreContextMut,
    component::{Linker, Resource, ResourceType},
};
use wasmtime_wasi::{
    async_trait,
    p2::{
        Network, Pollable,
        bindings::sockets::network::{ErrorCode, IpAddress},
        subscribe,
    },
    runtime::{AbortOnDropJoinHandle, poll_noop, spawn},
};

use crate::guest::GuestState;

/// Lookups of all tasks at a time, those for HTTP requests among them: each holds a thread for as
/// long as name servers take, and files of tasks need threads too, of which the runtime has 512.
static LOOKUPS: Semaphore = Semaphore::const_new(32);

/// Lookups of one task at a time: an eighth of all, so that it takes eight tasks to hold up another
/// one's.
const LOOKUPS_EACH: usize = 4;

/// Lookups of one task under way, those that wait for their turn among them; each is some hundred
/// bytes of the host. A program that asks for all of them at once has some tens.
const WAITING_EACH: usize = 256;

/// The version that wasmtime has; guests may be made for any other of 0.2.
const INTERFACE: &str = "wasi:sockets/ip-name-lookup@0.2.12";

/// The lookups of one guest.
#[derive(Debug)]
pub(crate) struct Lookups(Option<Turns>);

#[derive(Debug)]
struct Turns {
    waiting: Arc<Semaphore>,
    own: Arc<Semaphore>,
}

/// What a guest waits for, as its handle names it.
struct AddressStream(State);

enum State {
    Pending(AbortOnDropJoinHandle<Found>),
    Ready(Found),
}

type Found = Result<vec::IntoIter<IpAddr>, ErrorCode>;

/// What a guest may ask for.
#[derive(Debug, PartialEq, Eq)]
enum Host {
    Address(IpAddr),
    Name(String),
}

/// A turn among the lookups of all tasks.
pub(crate) async fn turn() -> SemaphorePermit<'static> {
    let turn = LOOKUPS.acquire().await;
    turn.expect("the semaphore is never closed")
}

impl Lookups {
    /// For a guest that may look up names, or may not.
    pub(crate) fn new(is_allowed: bool) -> Self {
        Self(is_allowed.then(|| Turns {
            waiting: Arc::new(Semaphore::new(WAITING_EACH)),
            own: Arc::new(Semaphore::new(LOOKUPS_EACH)),
        }))
    }

    fn begin(&self, name: &str) -> Result<AddressStream, ErrorCode> {
        let Some(turns) = &self.0 else {
            return Err(ErrorCode::PermanentResolverFailure);
        };
        let name = match host(name)? {
            Host::Address(address) => {
                let found = vec![address].into_iter();
                return Ok(AddressStream(State::Ready(Ok(found))));
            }
            Host::Name(name) => name,
        };
        let waiting = Arc::clone(&turns.waiting).try_acquire_owned();
        let waiting = waiting.map_err(|_| ErrorCode::TemporaryResolverFailure)?;
        let own = Arc::clone(&turns.own);
        let looking_up = spawn(async move {
            let _waiting = waiting;
            let own = own.acquire_owned().await;
            let own = own.expect("the semaphore is never closed");
            look_up(name, own).await
        });
        Ok(AddressStream(State::Pending(looking_up)))
    }
}

/// Looks up a name. The system goes on with it when nobody waits any more, so until it has answered
/// both turns are taken.
async fn look_up(name: String, own: OwnedSemaphorePermit) -> Found {
    let everyones = turn().await;
    let lookup = tokio::spawn(async move {
        let found = lookup_host((name.as_str(), 0)).await;
        drop((own, everyones));
        match found {
            Ok(found) => {
                let addresses: Vec<_> = found.map(|found| found.ip().to_canonical()).collect();
                Ok(addresses.into_iter())
            }
            Err(error) => {
                debug!(name, %error, "no addresses");
                Err(ErrorCode::NameUnresolvable)
            }
        }
    });
    // It neither panics nor is it aborted.
    lookup.await.unwrap_or(Err(ErrorCode::Unknown))
}

/// What a guest asks for, as WASI has it: the name as name servers know it, or an address.
fn host(text: &str) -> Result<Host, ErrorCode> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok(Host::Address(address.into()));
    }
    // As the host of a URL, and nothing but that.
    let is_part = |it: char| "/?#@\\".contains(it) || it.is_ascii_control();
    let is_bracketed = text.starts_with('[') && text.ends_with(']');
    if text.contains(is_part) || text.contains(':') && !is_bracketed {
        return Err(ErrorCode::InvalidArgument);
    }
    let url = reqwest::Url::parse(&format!("http://{text}/"));
    let url = url.map_err(|_| ErrorCode::InvalidArgument)?;
    let host = url.host_str().ok_or(ErrorCode::InvalidArgument)?;
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        return Ok(Host::Address(address.into()));
    }
    let inner = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    Ok(match inner.and_then(|it| it.parse::<Ipv6Addr>().ok()) {
        Some(address) => Host::Address(address.into()),
        None => Host::Name(host.to_owned()),
    })
}

impl AddressStream {
    fn next(&mut self) -> Result<Option<IpAddress>, ErrorCode> {
        if let State::Pending(looking_up) = &mut self.0 {
            let found = poll_noop(Pin::new(looking_up)).ok_or(ErrorCode::WouldBlock)?;
            self.0 = State::Ready(found);
        }
        match &mut self.0 {
            State::Ready(Ok(addresses)) => Ok(addresses.next().map(IpAddress::from)),
            State::Ready(Err(code)) => Err(*code),
            State::Pending(_) => Err(ErrorCode::WouldBlock),
        }
    }
}

#[async_trait]
impl Pollable for AddressStream {
    async fn ready(&mut self) {
        if let State::Pending(looking_up) = &mut self.0 {
            self.0 = State::Ready(looking_up.await);
        }
    }
}

/// Links `wasi:sockets/ip-name-lookup` in place of that of WASI's own host.
pub(crate) fn add_to_linker<C: Send + 'static>(
    linker: &mut Linker<GuestState<C>>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut lookups = linker.instance(INTERFACE)?;
    lookups.resource(
        "resolve-address-stream",
        ResourceType::host::<AddressStream>(),
        |mut store, handle| {
            let stream = Resource::<AddressStream>::new_own(handle);
            store.data_mut().table().delete(stream)?;
            Ok(())
        },
    )?;
    lookups.func_wrap(
        "resolve-addresses",
        |mut store: StoreContextMut<'_, GuestState<C>>,
         (network, name): (Resource<Network>, String)| {
            let guest = store.data_mut();
            // Who has it may use the network.
            guest.table().get(&network)?;
            let stream = match guest.lookups().begin(&name) {
                Ok(stream) => Ok(guest.table().push(stream)?),
                Err(code) => Err(code),
            };
            Ok((stream,))
        },
    )?;
    lookups.func_wrap(
        "[method]resolve-address-stream.resolve-next-address",
        |mut store: StoreContextMut<'_, GuestState<C>>, (stream,): (Resource<AddressStream>,)| {
            let stream = store.data_mut().table().get_mut(&stream)?;
            Ok((stream.next(),))
        },
    )?;
    lookups.func_wrap(
        "[method]resolve-address-stream.subscribe",
        |mut store: StoreContextMut<'_, GuestState<C>>, (stream,): (Resource<AddressStream>,)| {
            Ok((subscribe(store.data_mut().table(), stream)?,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_may_ask_for_names_and_addresses_and_for_nothing_else() {
        let address = |text: &str| Ok(Host::Address(text.parse().unwrap()));
        let name = |text: &str| Ok(Host::Name(text.to_owned()));
        for (text, expected) in [
            ("10.0.0.7", address("10.0.0.7")),
            ("::1", address("::1")),
            ("[fd00::7]", address("fd00::7")),
            ("Example.com", name("example.com")),
            ("bücher.example", name("xn--bcher-kva.example")),
            ("localhost", name("localhost")),
        ] {
            assert_eq!(host(text), expected, "{text}");
        }
        for text in [
            "", " ", "a b", "a/b", "a:80", "user@a", "a?b", "a#b", "a\\b", "[a]", "a\n", "[::1]:80",
        ] {
            assert_eq!(host(text), Err(ErrorCode::InvalidArgument), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_guest_has_so_many_lookups_under_way_and_hears_of_the_first_beyond() {
        assert!(matches!(
            Lookups::new(false).begin("localhost"),
            Err(ErrorCode::PermanentResolverFailure)
        ));
        let lookups = Lookups::new(true);
        // Nothing is polled meanwhile, so all of them wait.
        let begun: Vec<_> = (0..WAITING_EACH)
            .map(|_| lookups.begin("localhost").ok().unwrap())
            .collect();
        let beyond = || lookups.begin("localhost").err();
        assert_eq!(beyond(), Some(ErrorCode::TemporaryResolverFailure));
        assert!(lookups.begin("127.0.0.1").is_ok(), "nobody is asked for it");
        for mut stream in begun {
            stream.ready().await;
            assert!(stream.next().unwrap().is_some());
        }
        assert_eq!(beyond(), None);
    }
}
