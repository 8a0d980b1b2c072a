//! Messages.

use super::*;

#[test]
fn messages_come_once_in_order_and_are_counted_when_they_do_not() {
    let executor = ExecutorId::new("e1");
    let to = Direction::Out;
    // Sends two messages, and then does what is wrong.
    let broken = |wrong: &dyn Fn(&mut Streams)| {
        let mut history = History::up();
        let streams = &mut history.checker.streams;
        streams.sent(&executor, "t-0", to);
        streams.sent(&executor, "t-0", to);
        wrong(streams);
        history.checker.violation().cloned()
    };
    let message = |found, expected| {
        Some(Violation::Message {
            executor: executor.clone(),
            channel: "t-0".to_owned(),
            found,
            expected,
        })
    };
    let lost = broken(&|streams| streams.received_one(&executor, "t-0", to, 1));
    assert_eq!(lost, message(1, 0));
    let doubled = broken(&|streams| {
        streams.received_one(&executor, "t-0", to, 0);
        streams.received_one(&executor, "t-0", to, 0);
    });
    assert_eq!(doubled, message(0, 1));
    let closed = broken(&|streams| {
        streams.closed(&executor, "t-0", to);
        streams.close_seen(&executor, "t-0", to);
    });
    assert!(matches!(closed, Some(Violation::Closed { .. })));
    let dropped = broken(&|streams| {
        streams.received_one(&executor, "t-0", to, 0);
        streams.shut(&executor, "t-0", to, 0);
    });
    assert!(matches!(dropped, Some(Violation::Uncounted { .. })));
    let early = broken(&|streams| streams.end_told(&executor, "t-0"));
    assert_eq!(early, Some(Violation::EndBeforeMessage("t-0".to_owned())));
    let counted = broken(&|streams| {
        streams.received_one(&executor, "t-0", to, 0);
        streams.shut(&executor, "t-0", to, 1);
    });
    assert_eq!(counted, None);
}
