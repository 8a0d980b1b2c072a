//! Components that no language makes, written down as text.

use std::fmt::Write as _;

/// The types of a task's function, with `%` where what exports it comes.
const TASK: &str = r#"(component
    (import "mesosgot:guest/task-channels@0.1.0" (instance $channels
        (export "receiver" (type (sub resource)))
        (export "sender" (type (sub resource)))))
    (alias export $channels "receiver" (type $receiver))
    (alias export $channels "sender" (type $sender))
    %
    (func (export "run-task")
        (param "inbox" (own $receiver))
        (param "outbox" (own $sender))
        (param "args" (list string))
        (param "env" (list (tuple string string)))
        (result (result (error string)))
        (canon lift (core func $main "run-task")
            (memory $main "memory") (realloc (func $main "realloc")))))"#;

/// A task with these parts, among them a core instance `$main` with memory, `realloc`, and the
/// function `run-task`: see [`main_module`].
pub(crate) fn task(parts: &str) -> Vec<u8> {
    wat::parse_str(TASK.replacen('%', parts, 1)).expect("it is a component")
}

/// A core module `$Main` whose function does this and returns `ok`, beside these fields.
pub(crate) fn main_module(fields: &str, body: &str) -> String {
    format!(
        r#"(core module $Main
            {fields}
            (memory (export "memory") 1)
            ;; Whatever the host has to give lies behind the answer, which is all zeros: `ok`.
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
            (func $run (export "run-task") (param i32 i32 i32 i32 i32 i32) (result i32)
                {body}
                (i32.const 0)))"#
    )
}

/// A task whose core module has these fields, and whose function does this and returns `ok`.
pub(crate) fn simple(fields: &str, body: &str) -> Vec<u8> {
    let main = main_module(fields, body);
    task(&format!("{main} (core instance $main (instantiate $Main))"))
}

/// A task of so many core instances, all of the same little module but the last.
pub(crate) fn of_instances(count: usize) -> Vec<u8> {
    let mut parts = main_module("", "");
    parts += "(core module $Small (func))";
    for _ in 1..count {
        parts += "(core instance (instantiate $Small))";
    }
    parts += "(core instance $main (instantiate $Main))";
    task(&parts)
}

/// A task whose components hold each other: at each of `depth` levels one holds the one below it
/// `breadth` times, so that few bytes ask for `breadth` to the power of `depth` instances.
pub(crate) fn nested(depth: usize, breadth: usize) -> Vec<u8> {
    let mut parts = String::new();
    let mut inner = "(core module $Small (func)) (core instance (instantiate $Small))".to_owned();
    for level in 0..depth {
        let mut outer = format!("(component $C{level} {inner})");
        for _ in 0..breadth {
            write!(outer, "(instance (instantiate $C{level}))").expect("it is a text");
        }
        inner = outer;
    }
    parts += &inner;
    parts += &main_module("", "");
    parts += "(core instance $main (instantiate $Main))";
    task(&parts)
}

/// A task with a function that takes long to compile: it has so many variables, and so many
/// branches after each of which another one may have changed.
pub(crate) fn dear(variables: usize, branches: usize) -> Vec<u8> {
    let mut function = format!("(func $dear (local {})", "i64 ".repeat(variables));
    // Any step without a factor in common with the number of variables.
    let variable = |number: usize| number * 7919 % variables;
    for branch in 0..branches {
        let (read, written) = (variable(branch), variable(branch + 1));
        write!(
            function,
            "(block (br_if 0 (i32.wrap_i64 (local.get {read}))) \
             (local.set {written} (i64.add (local.get {read}) (i64.const {branch}))))"
        )
        .expect("it is a text");
    }
    function += ")";
    simple(&function, "(call $dear)")
}
