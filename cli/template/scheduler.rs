//! The app scheduler: gives the workers numbers, and adds up what they answer.

use mesosgot_sdk::{
    Args, Env, Error, Events, TaskReceiver, TaskSender, TypedTaskReceiver, TypedTaskSender,
};

#[mesosgot_sdk::scheduler]
fn scheduler(
    inbox: TaskReceiver,
    outbox: TaskSender,
    events: Events,
    mut args: Args,
    _env: Env,
) -> Result<(), Error> {
    let last: u64 = args.flag("--numbers").or(1000)?;
    args.finish()?;
    let tasks = events.control().list_tasks();
    let workers: Vec<String> = tasks.into_iter().map(|task| task.name).collect();
    let sum = sum_of_squares(
        &TypedTaskReceiver::new(inbox),
        &TypedTaskSender::new(outbox),
        &workers,
        last,
    )?;
    // What an app scheduler prints appears in the output of `mesosgot run`. The job ends when it
    // returns: then every `in` closes, and the workers return as well.
    println!("{} workers: the squares of 1 to {last} add up to {sum}", workers.len());
    Ok(())
}

/// Each worker has one number at a time, and gets the next one for its answer.
fn sum_of_squares(
    inbox: &TypedTaskReceiver<u64>,
    outbox: &TypedTaskSender<u64>,
    workers: &[String],
    last: u64,
) -> Result<u64, Error> {
    let mut numbers = 1..=last;
    for (worker, number) in workers.iter().zip(&mut numbers) {
        outbox.send(worker, &number)?;
    }
    let mut sum = 0;
    for _ in 1..=last {
        let answer = inbox.recv()?.ok_or("the workers left before they were done")?;
        sum += answer.value;
        if let Some(number) = numbers.next() {
            outbox.send(&answer.task, &number)?;
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use mesosgot_sdk::{TypedReceiver, TypedSender, testing};

    use super::*;

    #[test]
    fn every_number_is_squared_by_some_worker() -> Result<(), Error> {
        let (inbox, outbox, _events, job) = testing::scheduler();
        let mut names = Vec::new();
        for _ in 0..2 {
            let task = job.add_task("worker");
            names.push(task.name.clone());
            thread::spawn(move || -> Result<(), Error> {
                let inbox = TypedReceiver::<u64>::new(task.inbox);
                let outbox = TypedSender::<u64>::new(task.outbox);
                while let Some(number) = inbox.recv()? {
                    outbox.send(&(number * number))?;
                }
                Ok(())
            });
        }
        let (inbox, outbox) = (TypedTaskReceiver::new(inbox), TypedTaskSender::new(outbox));
        assert_eq!(sum_of_squares(&inbox, &outbox, &names, 3)?, 1 + 4 + 9);
        Ok(())
    }
}
