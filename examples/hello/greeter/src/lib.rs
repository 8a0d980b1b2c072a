//! Says hello, waits for the start, greets the house, and says goodbye.

use mesosgot_sdk::{Args, Env, Error, Receiver, Sender};

#[mesosgot_sdk::task]
fn greeter(inbox: Receiver, outbox: Sender, args: Args, _env: Env) -> Result<(), Error> {
    let house = args.as_slice().first().map_or("house", String::as_str);
    outbox.send("hello")?;
    if inbox.recv().is_none() {
        // Told to exit before the start: nothing to do is no failure.
        return Ok(());
    }
    outbox.send(format!("good morning, {house}"))?;
    outbox.send("goodbye")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use mesosgot_sdk::testing;

    use super::*;

    fn texts(handle: &testing::TaskHandle) -> Vec<String> {
        std::iter::from_fn(|| handle.recv())
            .map(|message| String::from_utf8(message).expect("the greeter speaks UTF-8"))
            .collect()
    }

    #[test]
    fn it_greets_once_it_is_started() -> Result<(), Error> {
        let (inbox, outbox, handle) = testing::task();
        handle.send("start")?;
        greeter(inbox, outbox, Args::new(["world"]), Env::default())?;
        assert_eq!(texts(&handle), ["hello", "good morning, world", "goodbye"]);
        Ok(())
    }

    #[test]
    fn it_leaves_without_a_greeting_when_the_job_ends_first() -> Result<(), Error> {
        let (inbox, outbox, handle) = testing::task();
        handle.close();
        greeter(inbox, outbox, Args::default(), Env::default())?;
        assert_eq!(texts(&handle), ["hello"]);
        Ok(())
    }
}
