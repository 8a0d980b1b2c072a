//! What the attributes refuse, and with which words.

use super::*;

fn refused(world: &World, item: TokenStream) -> String {
    match checked(world, &TokenStream::new(), &item) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_documented_signatures_are_accepted() {
    let task = quote! {
        fn f(a: Receiver, b: Sender, c: Args, d: Env) -> Result<(), Error> { Ok(()) }
    };
    let scheduler = quote! {
        fn f(a: TaskReceiver, b: TaskSender, c: Events, d: Args, e: Env) -> Result<(), Error> {
            Ok(())
        }
    };
    assert_eq!(refused(&TASK, task), "accepted");
    assert_eq!(refused(&SCHEDULER, scheduler), "accepted");
}

#[test]
fn a_wrong_number_of_parameters_is_told_with_the_right_ones() {
    assert_eq!(
        refused(
            &TASK,
            quote! { fn f(a: Receiver) -> Result<(), Error> { Ok(()) } }
        ),
        "a task function has 4 parameters, not 1; it looks like \
         `fn(inbox: Receiver, outbox: Sender, args: Args, env: Env) -> Result<(), Error>`"
    );
    assert_eq!(
        refused(
            &SCHEDULER,
            quote! { fn f() -> Result<(), Error> { Ok(()) } }
        ),
        "a scheduler function has 5 parameters, not 0; it looks like \
         `fn(inbox: TaskReceiver, outbox: TaskSender, events: Events, args: Args, env: Env) -> \
         Result<(), Error>`"
    );
}

#[test]
fn functions_of_another_kind_are_refused() {
    let parameters = quote! { (a: Receiver, b: Sender, c: Args, d: Env) };
    let cases = [
        (
            quote! { async fn f #parameters -> Result<(), Error> {} },
            "is not async",
        ),
        (
            quote! { unsafe fn f #parameters -> Result<(), Error> {} },
            "is not unsafe",
        ),
        (
            quote! { extern "C" fn f #parameters -> Result<(), Error> {} },
            "has no ABI",
        ),
        (
            quote! { fn f<T> #parameters -> Result<(), Error> {} },
            "is not generic",
        ),
        (quote! { fn f #parameters {} }, "returns its outcome"),
        (quote! { struct F; }, "stands on a function"),
    ];
    for (item, reason) in cases {
        let refused = refused(&TASK, item);
        assert!(
            refused.contains(reason),
            "{refused:?} should say {reason:?}"
        );
    }
}

#[test]
fn the_attribute_takes_no_arguments() {
    let item = quote! { fn f() {} };
    let error = checked(&TASK, &quote! { name = "x" }, &item)
        .err()
        .map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("`#[task]` takes no arguments"));
}

#[test]
fn a_refused_function_stays_where_it_is() {
    let expanded = expand(&TASK, TokenStream::new(), quote! { fn f() {} }).to_string();
    assert!(expanded.starts_with("fn f () { }"), "{expanded}");
    assert!(expanded.contains("compile_error"), "{expanded}");
}
