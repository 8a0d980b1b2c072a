//! The table of ends.

use mesos::v1::{TaskState, task_status::Reason};

/// What Mesos is told of one kind of end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// What happened, in the words of the docs.
    pub what: &'static str,
    /// The state of a task that nobody asked to stop; none if it ends so only when asked.
    pub state: Option<TaskState>,
    /// Mesos's reason, where one fits.
    pub reason: Option<Reason>,
    /// What the message tells.
    pub message: &'static str,
}

impl Row {
    /// The state of every task that was asked to stop before it ended, however it ended then.
    pub const AFTER_A_KILL: TaskState = TaskState::TaskKilled;
}

/// Writes the table once: the kinds, the list of them, and the row of each.
macro_rules! endings {
    ($($ending:ident: $what:literal, $state:expr, $reason:expr, $message:literal;)+) => {
        /// The kinds of ends that Mesos is told about in different ways.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Ending {
            $(#[doc = concat!("The row ", $what, ".")] $ending,)+
        }

        impl Ending {
            /// All of them, in the order of the docs.
            pub const ALL: &[Self] = &[$(Self::$ending),+];

            /// Its row of the table.
            pub const fn row(self) -> Row {
                match self {
                    $(Self::$ending => Row {
                        what: $what,
                        state: $state,
                        reason: $reason,
                        message: $message,
                    },)+
                }
            }
        }
    };
}

const FINISHED: Option<TaskState> = Some(TaskState::TaskFinished);
const FAILED: Option<TaskState> = Some(TaskState::TaskFailed);
const MEMORY: Option<Reason> = Some(Reason::ContainerLimitationMemory);
const LIMIT: Option<Reason> = Some(Reason::ContainerLimitation);
const EARLY: Option<Reason> = Some(Reason::TaskKilledDuringLaunch);
const NOT_LAUNCHED: Option<Reason> = Some(Reason::ContainerLaunchFailed);
const INVALID: Option<Reason> = Some(Reason::TaskInvalid);

endings! {
    Returned: "returned `ok`", FINISHED, None, "none; after a kill, that it returned";
    ExitedWell: "exit code 0", FINISHED, None, "the code";
    Failed: "returned an error", FAILED, None, "the error's text";
    Exited: "any other exit code", FAILED, None, "the code";
    Panicked: "panic", FAILED, None, "the panic's text, backtrace";
    Trapped: "trap", FAILED, None, "the trap, backtrace";
    MemoryLimit: "memory limit", FAILED, MEMORY, "what was wanted and is allowed, what raises that, backtrace";
    CpuLimit: "CPU limit", FAILED, LIMIT, "the limit and what raises it, backtrace";
    Idle: "idle limit", FAILED, LIMIT, "the limit and what raises it";
    FixedLimit: "fixed limit", FAILED, LIMIT, "which, and what is allowed, backtrace";
    Stopped: "stopped by force", None, None, "that it did not end within its grace";
    NeverBegan: "stopped before its function began", None, EARLY, "that it had not begun";
    ModuleNotFetched: "module not to be had", FAILED, NOT_LAUNCHED, "what each address said";
    BadModule: "bad module", FAILED, NOT_LAUNCHED, "what is wrong with it";
    ImportMissing: "missing import", FAILED, NOT_LAUNCHED, "what it imports that is not given";
    ExportMissing: "missing export", FAILED, NOT_LAUNCHED, "what it does not export";
    NoRoom: "no room in the executor", FAILED, NOT_LAUNCHED, "what is used up, how much the agent gives, and what to raise";
    Refused: "launch refused", FAILED, INVALID, "why";
    HostFault: "fault of the executor", FAILED, None, "that it is the executor's fault, and what";
}
