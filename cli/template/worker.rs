//! A task: squares numbers until it is told to exit.

use mesosgot_sdk::{Args, Env, Error, Receiver, Sender, TypedReceiver, TypedSender};

#[mesosgot_sdk::task]
fn worker(inbox: Receiver, outbox: Sender, _args: Args, _env: Env) -> Result<(), Error> {
    let inbox = TypedReceiver::<u64>::new(inbox);
    let outbox = TypedSender::<u64>::new(outbox);
    // `in` closes when the task is told to exit. An error that is returned fails the task, and by
    // default the whole job with it.
    while let Some(number) = inbox.recv()? {
        let square = number.checked_mul(number).ok_or("the number is too large")?;
        outbox.send(&square)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use mesosgot_sdk::testing;

    use super::*;

    #[test]
    fn what_is_no_number_is_an_error() -> Result<(), Error> {
        let (inbox, outbox, handle) = testing::task();
        handle.send("")?;
        assert!(worker(inbox, outbox, Args::default(), Env::default()).is_err());
        Ok(())
    }

    #[test]
    fn it_returns_when_it_is_told_to_exit() -> Result<(), Error> {
        let (inbox, outbox, handle) = testing::task();
        handle.close();
        worker(inbox, outbox, Args::default(), Env::default())
    }
}
