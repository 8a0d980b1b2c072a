//! What must never happen.

use mesos::{ExecutorId, OfferId, TaskId};
use thiserror::Error;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Violation {
    /// A task id, or an executor id, was launched twice.
    #[error("`{0}` was launched twice")]
    LaunchedTwice(String),
    /// A task was launched while its last attempt had not ended.
    #[error("`{0}` was launched beside its last attempt")]
    LaunchedBeside(String),
    /// A task was launched that was to be launched no more, or not yet again.
    #[error("`{0}` was launched without being wanted")]
    LaunchedUnasked(String),
    /// The first launch of a gang, or of what is spawned, left a task out.
    #[error("others were launched without `{0}`")]
    PartLaunched(String),
    /// The functions of two attempts of one task ran at the same time, and the older one was not
    /// given up as lost.
    #[error("the functions of two attempts of `{0}` ran at the same time")]
    RanTwice(String),
    /// An ACCEPT used more than its offers held.
    #[error("executor `{0}` uses more than was offered")]
    Overused(ExecutorId),
    /// A task or an executor was given something else than what was asked for.
    #[error("`{0}` gets something else than what it asks for")]
    WrongAmount(String),
    /// Two tasks of one agent have the same number of a range.
    #[error("`{0}` uses what another task on its agent uses")]
    UsedTwice(TaskId),
    /// Tasks were launched where a constraint or the colocation of their group forbids it.
    #[error("tasks of `{0}` were launched where its constraints forbid it")]
    Misplaced(String),
    /// An ACCEPT used offers of several agents or roles.
    #[error("offer `{0}` was accepted with those of another agent or role")]
    Mixed(OfferId),
    /// An offer was answered that was answered, rescinded or void, or never made.
    #[error("offer `{0}` was answered and is not open")]
    AnsweredTwice(OfferId),
    /// An offer was held for longer than the hold.
    #[error("offer `{0}` was held for too long")]
    Hoarded(OfferId),
    /// An offer was neither held nor answered.
    #[error("{0} offers were not answered before the end")]
    Unanswered(usize),
    /// A reliable update was handled and not acknowledged, or twice.
    #[error("update of `{task}` was acknowledged {times} times")]
    Acknowledged {
        /// The task.
        task: TaskId,
        /// How often.
        times: usize,
    },
    /// An end was heard of, and neither told to the app scheduler nor was the task placed again.
    #[error("the end of `{0}` was not told")]
    Untold(TaskId),
    /// An end was told that nobody had heard of, or twice.
    #[error("the end of `{0}` was told twice, or without being heard of")]
    ToldTwice(String),
    /// The job ended well although a task had failed, or for no reason.
    #[error("the job ended as `{0}`, which is not what happened")]
    WrongOutcome(String),
    /// The app scheduler was started twice, too early or too late.
    #[error("the app scheduler was started when it should not be")]
    AppStart,
    /// The app scheduler was left running.
    #[error("the app scheduler was left running")]
    AppLeft,
    /// A function began before all tasks were up.
    #[error("the function of `{0}` began before the whole gang was up")]
    BeganEarly(TaskId),
    /// Some functions of the gang ran, others never began, and nothing was done about it.
    #[error("the function of `{0}` runs without those of the whole gang")]
    PartOfGang(TaskId),
    /// The functions of an executor's tasks were to begin before all that is to begin with them.
    #[error("the functions in executor `{0}` were to begin before all others were up")]
    LiftedEarly(ExecutorId),
    /// The gang was neither up nor undone when its time was over.
    #[error("the gang was neither up nor given up in time")]
    GangTimeout,
    /// What is spawned was neither up nor undone when its time was over.
    #[error("a spawn was neither up nor undone in time")]
    SpawnTimeout,
    /// A task that was to be restarted was not up, and the job went on.
    #[error("`{0}` was not up again in time, and the job goes on")]
    RestartTimeout(String),
    /// A task that somebody wanted to be restarted has ended and is not, or was restarted unasked.
    #[error("`{0}` has ended, and was not restarted as it was asked for")]
    NotRestarted(String),
    /// A spawn was answered twice, with an answer that is not true, or refused without a reason.
    #[error("a spawn was answered with what is not so")]
    SpawnAnswered,
    /// Whoever asked for a spawn never got an answer.
    #[error("a spawn was not answered before the end")]
    SpawnUnanswered,
    /// The job did not end.
    #[error("the job did not end")]
    NoEnd,
    /// A task that was to be killed lives on.
    #[error("`{0}` was killed and lives on")]
    KillForgotten(String),
    /// A task has ended, nothing went wrong since, and the machine does not know.
    #[error("nobody heard of the end of `{0}`")]
    EndForgotten(TaskId),
    /// A task that was given up lives on, nothing went wrong since, and nobody ends it.
    #[error("`{0}` was given up and lives on")]
    Revenant(TaskId),
    /// Something was done after the end.
    #[error("something was done after the end")]
    AfterEnd,
    /// A framework that was torn down still has an executor.
    #[error("executor `{0}` runs after the end")]
    LeftRunning(ExecutorId),
    /// The job ended with neither a TEARDOWN nor word of that.
    #[error("the framework was left to itself without a word")]
    LeftInSilence,
    /// A call was made without a subscription.
    #[error("a call was made without a subscription")]
    Unsubscribed,
    /// What is due is left for later, without end.
    #[error("the machine asks to be called at a time that is over")]
    Spinning,
    /// A message was lost, doubled or out of order.
    #[error("message {found} came on channel `{channel}` of `{executor}` instead of {expected}")]
    Message {
        /// The executor.
        executor: ExecutorId,
        /// The channel.
        channel: String,
        /// What came.
        found: u64,
        /// What should have come.
        expected: u64,
    },
    /// A channel was closed by nobody, twice, or before its last message.
    #[error("channel `{channel}` of `{executor}` closed before its time")]
    Closed {
        /// The executor.
        executor: ExecutorId,
        /// The channel.
        channel: String,
    },
    /// Messages were neither delivered nor counted.
    #[error("channel `{channel}` of `{executor}` lost messages without counting them")]
    Uncounted {
        /// The executor.
        executor: ExecutorId,
        /// The channel.
        channel: String,
    },
    /// The end of a task was told before a message that the task had sent before.
    #[error("the end of `{0}` was told before its last message")]
    EndBeforeMessage(String),
    /// A frame of a living end was refused by the other.
    #[error("executor `{0}` and the scheduler do not understand each other: {1}")]
    FrameRefused(ExecutorId, String),
    /// The machine panicked.
    #[error("panic: {0}")]
    Panic(String),
}
