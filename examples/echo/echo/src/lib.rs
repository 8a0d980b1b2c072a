//! Sends back what it gets, or counts it: the host's first message says which.

use echo_messages::{Order, Tally};
use mesosgot_sdk::{Args, Env, Error, Receiver, Sender};

/// How many messages are taken at once, if so many are there: by then what a turn costs by itself
/// is nothing beside what the messages cost.
const BATCH_MAX: usize = 1024;

/// The task.
///
/// # Errors
/// When the first message is no order, or the host is gone.
#[mesosgot_sdk::task]
pub fn echo(inbox: Receiver, outbox: Sender, args: Args, _env: Env) -> Result<(), Error> {
    args.finish()?;
    let Some(order) = inbox.recv() else {
        // Told to exit before the order: nothing to do is no failure.
        return Ok(());
    };
    match Order::try_from(&order[..])? {
        Order::Echo => send_back(&inbox, &outbox),
        Order::Count => count(&inbox, &outbox),
    }
}

fn send_back(inbox: &Receiver, outbox: &Sender) -> Result<(), Error> {
    loop {
        let messages = inbox.recv_many(BATCH_MAX);
        if messages.is_empty() {
            return Ok(());
        }
        outbox.send_many(&messages)?;
    }
}

fn count(inbox: &Receiver, outbox: &Sender) -> Result<(), Error> {
    let mut tally = Tally::default();
    loop {
        let messages = inbox.recv_many(BATCH_MAX);
        if messages.is_empty() {
            break;
        }
        for message in &messages {
            // How many there will be is not known here.
            tally.count(message, u64::MAX);
        }
    }
    outbox.send(tally.to_bytes())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use echo_messages::write;
    use mesosgot_sdk::testing;

    use super::*;

    /// What the task answers to these messages.
    fn answers(messages: &[&[u8]]) -> Result<Vec<Vec<u8>>, Error> {
        let (inbox, outbox, handle) = testing::task();
        for message in messages {
            handle.send(message)?;
        }
        handle.close();
        echo(inbox, outbox, Args::default(), Env::default())?;
        Ok(std::iter::from_fn(|| handle.recv()).collect())
    }

    #[test]
    fn it_sends_everything_back_in_order() -> Result<(), Error> {
        let answers = answers(&[Order::Echo.as_bytes(), b"one", b"", b"three"])?;
        assert_eq!(answers, [&b"one"[..], b"", b"three"]);
        Ok(())
    }

    #[test]
    fn it_counts_and_tells_the_total_at_the_close() -> Result<(), Error> {
        let (zero, two) = (write(0, 20), write(2, 20));
        let answers = answers(&[Order::Count.as_bytes(), &zero, &two, &two, b"x"])?;
        let [total] = &answers[..] else {
            return Err(Error::msg(format!("one answer, not {answers:?}")));
        };
        let tally = Tally::try_from(&total[..])?;
        assert_eq!((tally.received, tally.duplicated, tally.damaged), (3, 1, 1));
        Ok(())
    }

    #[test]
    fn it_leaves_when_the_job_ends_before_the_order() -> Result<(), Error> {
        assert!(answers(&[])?.is_empty());
        Ok(())
    }

    #[test]
    fn it_refuses_what_is_no_order() {
        let error = answers(&[b"dance"]).expect_err("it is no order");
        assert_eq!(
            error.to_string(),
            "the first message is no order: expected `echo` or `count`, got 5 other bytes"
        );
    }
}
