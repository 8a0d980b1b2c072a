//! A task that does what its first argument says:
//!
//! - `echo`: answers each message with the same, until its `in` closes;
//! - `env NAME`: answers each message with the value of this variable, until its `in` closes;
//! - `obey TEXT`: as `echo`, but returns an error at the message `fail`;
//! - `broken TEXT`: returns an error at once;
//! - `fail TEXT`: returns an error once it has got a message;
//! - `trap`: divides by what is not there once it has got a message;
//! - `print N`: prints N numbered lines at once, then is an `echo`;
//! - `hear TEXT`: prints the text, then each message, until its `in` closes;
//! - `say TEXT…`: prints these texts, each as a line, once it has got a message, then is an `echo`;
//! - `flood`: prints without end;
//! - `burst N`: sends N messages at once and returns;
//! - `deaf`: never looks at its `in` channel and never ends.

#![expect(clippy::print_stdout, reason = "printing is what some of it is for")]

use mesosgot_sdk::{Args, Env, Error, Receiver, Sender};

#[mesosgot_sdk::task]
fn actor(inbox: Receiver, outbox: Sender, args: Args, env: Env) -> Result<(), Error> {
    let args = args.as_slice();
    let mut words = args.iter().map(String::as_str);
    let role = words.next().unwrap_or("echo");
    let rest = words.next().unwrap_or_default();
    match role {
        "echo" => echo(&inbox, &outbox),
        "env" => {
            let value = env.get(rest).unwrap_or("unset");
            while inbox.recv().is_some() {
                outbox.send(value)?;
            }
            Ok(())
        }
        "obey" => {
            while let Some(message) = inbox.recv() {
                if message == b"fail" {
                    return Err(Error::msg(rest));
                }
                outbox.send(message)?;
            }
            Ok(())
        }
        "broken" => Err(Error::msg(rest)),
        "fail" => {
            inbox.recv();
            Err(Error::msg(rest))
        }
        "trap" => {
            inbox.recv();
            fall_over(rest)
        }
        "print" => {
            for number in 0..rest.parse()? {
                let number: u32 = number;
                println!("line {number} of {rest}");
            }
            echo(&inbox, &outbox)
        }
        "hear" => {
            println!("{rest}");
            while let Some(message) = inbox.recv() {
                println!("heard {}", String::from_utf8_lossy(&message));
            }
            Ok(())
        }
        "say" => {
            inbox.recv();
            for text in args.iter().skip(1) {
                println!("{text}");
            }
            echo(&inbox, &outbox)
        }
        "flood" => loop {
            println!("{}", "~".repeat(1000));
        },
        "burst" => {
            let messages: Vec<_> = (0..rest.parse()?).map(u32::to_le_bytes).collect();
            messages
                .iter()
                .try_for_each(|message| outbox.send(message))?;
            Ok(())
        }
        "deaf" => loop {
            std::hint::spin_loop();
        },
        other => Err(Error::msg(format!("unknown role `{other}`"))),
    }
}

fn echo(inbox: &Receiver, outbox: &Sender) -> Result<(), Error> {
    while let Some(message) = inbox.recv() {
        outbox.send(message)?;
    }
    Ok(())
}

/// Panics: the name of this function is what the test looks for in the backtrace.
#[inline(never)]
fn fall_over(text: &str) -> Result<(), Error> {
    panic!("fell over {text:?}");
}
