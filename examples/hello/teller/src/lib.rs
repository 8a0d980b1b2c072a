//! Says hello, waits for the start, tells some numbers, and says goodbye.

use mesosgot_sdk::{Args, Env, Error, Receiver, Sender};

#[mesosgot_sdk::task]
fn teller(inbox: Receiver, outbox: Sender, mut args: Args, _env: Env) -> Result<(), Error> {
    let count: u32 = args.flag("--count").or(3)?;
    args.finish()?;

    outbox.send("hello")?;
    if inbox.recv().is_none() {
        // Told to exit before the start: nothing to do is no failure.
        return Ok(());
    }
    for number in 0..count {
        outbox.send(format!("{number} {}", number + 10))?;
    }
    outbox.send("goodbye")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use mesosgot_sdk::testing;

    use super::*;

    #[test]
    fn it_tells_as_many_numbers_as_its_arguments_say() -> Result<(), Error> {
        let (inbox, outbox, handle) = testing::task();
        handle.send("start")?;
        teller(inbox, outbox, Args::new(["--count", "2"]), Env::default())?;
        for text in ["hello", "0 10", "1 11", "goodbye"] {
            assert_eq!(handle.recv(), Some(text.as_bytes().to_vec()));
        }
        assert_eq!(handle.recv(), None);
        Ok(())
    }

    #[test]
    fn it_refuses_arguments_that_it_does_not_know() {
        let (inbox, outbox, _handle) = testing::task();
        let outcome = teller(inbox, outbox, Args::new(["--cuont", "2"]), Env::default());
        assert_eq!(
            outcome.expect_err("it is misspelt").to_string(),
            "unknown argument `--cuont`, known are `--count`"
        );
    }
}
