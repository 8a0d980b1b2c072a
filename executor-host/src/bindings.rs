//! The contract of `sdk/wit` in Rust, generated, and the linkers that fulfil it.
//!
//! Both worlds share their types. `wasi:io` and `wasi:clocks` are wasmtime's own, so our pollables
//! and WASI's can be waited for together.

use link::app::AppControl;
use wasmtime::component::{HasSelf, Linker};

use crate::{files, guest::GuestState, http, listings, lookups, sockets};

/// The world of a task.
pub mod task {
    wasmtime::component::bindgen!({
        path: "../sdk/wit",
        world: "task",
        imports: {
            "mesosgot:guest/task-channels.[method]receiver.recv": async | trappable | exact,
            "mesosgot:guest/task-channels.[method]receiver.recv-timeout": async | trappable | exact,
            "mesosgot:guest/task-channels.[method]receiver.recv-many": async | trappable | exact,
            "mesosgot:guest/task-channels.[method]sender.send": async | trappable | exact,
            "mesosgot:guest/task-channels.[method]sender.send-many": async | trappable | exact,
            default: trappable,
        },
        exports: { default: async },
        with: {
            "wasi": wasmtime_wasi::p2::bindings,
            "mesosgot:guest/task-channels.receiver": crate::host::TaskReceiver,
            "mesosgot:guest/task-channels.sender": crate::host::TaskSender,
        },
    });
}

/// The world of an app scheduler.
pub mod scheduler {
    wasmtime::component::bindgen!({
        path: "../sdk/wit",
        world: "scheduler",
        imports: {
            "mesosgot:guest/app-channels.[method]task-receiver.recv": async | trappable | exact,
            "mesosgot:guest/app-channels.[method]task-receiver.recv-timeout": async | trappable | exact,
            "mesosgot:guest/app-channels.[method]task-receiver.recv-many": async | trappable | exact,
            "mesosgot:guest/app-channels.[method]task-sender.send": async | trappable | exact,
            "mesosgot:guest/app-channels.[method]task-sender.send-many": async | trappable | exact,
            "mesosgot:guest/job-control.[method]events.next": async | trappable | exact,
            "mesosgot:guest/job-control.[method]events.next-timeout": async | trappable | exact,
            "mesosgot:guest/job-control.list-tasks": async | trappable,
            "mesosgot:guest/job-control.kill": async | trappable,
            "mesosgot:guest/job-control.spawn": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        with: {
            "wasi": wasmtime_wasi::p2::bindings,
            "mesosgot:guest/types": super::task::mesosgot::guest::types,
            "mesosgot:guest/app-channels.task-receiver": crate::host::AppReceiver,
            "mesosgot:guest/app-channels.task-sender": crate::host::AppSender,
            "mesosgot:guest/job-control.events": crate::host::AppEvents,
        },
    });
}

pub(crate) use self::{
    scheduler::mesosgot::guest::{app_channels, job_control},
    task::mesosgot::guest::{task_channels, types},
};

/// The store data of a task.
pub(crate) type TaskState = GuestState<()>;

/// The store data of an app scheduler.
pub(crate) type SchedulerState = GuestState<AppControl>;

/// Every host function, linked by name, once per engine.
pub(crate) struct Linkers {
    pub(crate) task: Linker<TaskState>,
    pub(crate) scheduler: Linker<SchedulerState>,
}

impl Linkers {
    pub(crate) fn new(engine: &wasmtime::Engine) -> wasmtime::Result<Self> {
        let mut task = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut task)?;
        // For every task: those that may send nothing hear so when they try.
        http::add_to_linker(&mut task)?;
        lookups::add_to_linker(&mut task)?;
        listings::add_to_linker(&mut task)?;
        files::add_to_linker(&mut task)?;
        sockets::add_to_linker(&mut task)?;
        types::add_to_linker::<_, HasSelf<TaskState>>(&mut task, |state| state)?;
        task_channels::add_to_linker::<_, HasSelf<TaskState>>(&mut task, |state| state)?;

        let mut scheduler = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut scheduler)?;
        lookups::add_to_linker(&mut scheduler)?;
        listings::add_to_linker(&mut scheduler)?;
        files::add_to_linker(&mut scheduler)?;
        sockets::add_to_linker(&mut scheduler)?;
        types::add_to_linker::<_, HasSelf<SchedulerState>>(&mut scheduler, |state| state)?;
        app_channels::add_to_linker::<_, HasSelf<SchedulerState>>(&mut scheduler, |state| state)?;
        job_control::add_to_linker::<_, HasSelf<SchedulerState>>(&mut scheduler, |state| state)?;
        Ok(Self { task, scheduler })
    }
}
