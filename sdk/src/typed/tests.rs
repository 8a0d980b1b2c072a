//! Values through the channels in memory, in both codecs.

use serde::Deserialize;

use super::*;
use crate::{Error, select, testing};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Word {
    Hello { floor: u16 },
    Goodbye,
}

fn round_trip<C: Codec>() {
    let (task_inbox, task_outbox, handle) = testing::task();
    let inbox = TypedReceiver::<Word, C>::new(task_inbox);
    let outbox = TypedSender::<Word, C>::new(task_outbox);
    for word in [Word::Hello { floor: 3 }, Word::Goodbye] {
        outbox.send(&word).expect("the handle lives");
        let message = handle.try_recv().expect("it was sent");
        assert_eq!(C::decode::<Word>(&message).expect("it was encoded"), word);
        handle.send(message).expect("the task lives");
    }
    handle.close();
    let words: Vec<_> = inbox
        .iter()
        .map(|word| word.expect("it was encoded"))
        .collect();
    assert_eq!(words, [Word::Hello { floor: 3 }, Word::Goodbye]);
}

#[test]
fn values_survive_postcard() {
    round_trip::<Postcard>();
}

#[test]
fn values_survive_json() {
    round_trip::<Json>();
}

#[test]
fn a_wrong_message_is_told_with_its_sender_and_skipped() {
    let (inbox, _outbox, _events, job) = testing::scheduler();
    let inbox = TypedTaskReceiver::<Word, Json>::new(inbox);
    let task = job.add_task("floor");
    for message in ["\"Hallo\"", "\"Goodbye\""] {
        task.outbox.send(message).expect("the app scheduler lives");
    }
    let error = inbox.recv().expect_err("it is no word");
    assert_eq!(error.message, b"\"Hallo\"");
    assert_eq!(
        Error::from(error).to_string(),
        "a message of `floor-0` is not what was expected: not JSON of the expected type: \
         unknown variant `Hallo`, expected `Hello` or `Goodbye` at line 1 column 7"
    );
    let next = inbox.recv().expect("it is a word").expect("the task lives");
    assert_eq!(
        next,
        TypedTaskMessage {
            task: "floor-0".into(),
            value: Word::Goodbye
        }
    );
}

#[test]
fn many_values_go_at_once_and_wrong_ones_keep_their_place() {
    let (task_inbox, task_outbox, handle) = testing::task();
    let inbox = TypedReceiver::<u8, Json>::new(task_inbox);
    let outbox = TypedSender::<u8, Json>::new(task_outbox);
    outbox.send_many(&[1, 2]).expect("the handle lives");
    assert_eq!(handle.try_recv(), Ok(b"1".to_vec()));
    assert_eq!(handle.try_recv(), Ok(b"2".to_vec()));
    for message in ["1", "two", "3", "4"] {
        handle.send(message).expect("the task lives");
    }
    let values = inbox.recv_many(3).into_iter().map(Result::ok);
    assert_eq!(values.collect::<Vec<_>>(), [Some(1), None, Some(3)]);
}

#[test]
fn many_values_of_and_to_tasks_keep_their_tasks() {
    let (inbox, outbox, _events, job) = testing::scheduler_with_window(1);
    let inbox = TypedTaskReceiver::<u8, Json>::new(inbox);
    let outbox = TypedTaskSender::<u8, Json>::new(outbox);
    let tasks = [job.add_task("floor"), job.add_task("floor")];
    let values = |values: [u8; 2]| {
        let tasks = ["floor-0", "floor-1"].map(str::to_owned);
        let both = tasks.into_iter().zip(values);
        both.map(|(task, value)| TypedTaskMessage { task, value })
            .collect::<Vec<_>>()
    };
    outbox.send_many(values([1, 2])).expect("there is room");
    let is_writable = || {
        let room = outbox.writable("floor-1");
        select(&[&room], Some(Duration::ZERO)).is_ready(0)
    };
    assert!(!is_writable());
    for (task, expected) in tasks.iter().zip(["1", "2"]) {
        assert_eq!(task.inbox.recv(), Some(expected.into()));
        let echoed = task.outbox.send(expected);
        echoed.expect("the app scheduler lives");
    }
    assert!(is_writable());
    let echoed: Result<Vec<_>, _> = inbox.recv_many(9).into_iter().collect();
    assert_eq!(echoed.expect("they are numbers"), values([1, 2]));
}

#[test]
fn a_postcard_must_end_with_its_value() {
    let decoded = Postcard::decode::<u8>(&[7, 0]);
    assert!(matches!(decoded, Err(CodecError::Trailing { bytes: 1 })));
}

#[test]
fn a_typed_end_tells_what_its_plain_end_tells() {
    let (inbox, outbox, handle) = testing::task_with_window(1);
    let inbox = TypedReceiver::<u8>::new(inbox);
    let outbox = TypedSender::<u8>::new(outbox);
    assert!(matches!(
        inbox.try_recv(),
        Err(TypedError::Channel(TryRecvError::Empty))
    ));
    outbox.send(&1).expect("there is room for one");
    assert!(matches!(
        outbox.try_send(&2),
        Err(TypedError::Channel(TrySendError::Full))
    ));
    drop(handle);
    assert!(matches!(
        outbox.send(&2),
        Err(TypedError::Channel(SendError::Closed))
    ));
    assert!(matches!(
        inbox.recv_timeout(Duration::MAX),
        Err(TypedError::Channel(RecvTimeoutError::Closed))
    ));
}
