//! Whatever the text, the answer is a job or diagnostics that point into the text.

use mesosgot_job::JOB_BYTES_MAX;
use proptest::prelude::*;

use crate::read;

const ELEVATOR: &str = include_str!("../fixtures/elevator.yaml");

fn check(text: &str) -> Result<(), TestCaseError> {
    assert!(text.len() <= JOB_BYTES_MAX);
    let Err(diagnostics) = read(text) else {
        return Ok(());
    };
    prop_assert!(!diagnostics.list.is_empty());
    for diagnostic in &diagnostics.list {
        prop_assert!(
            text.get(diagnostic.span.clone()).is_some(),
            "{diagnostic:?}"
        );
        prop_assert!(diagnostic.line >= 1 && diagnostic.column >= 1);
        prop_assert!(!diagnostic.message.is_empty());
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC{0,60}|[-a-z:{}\\[\\],*&!|> \n\t#\"'éß]{0,60}") {
        check(&text)?;
    }

    #[test]
    fn any_slip_in_a_job_is_answered(
        at in 0..ELEVATOR.len(),
        removed in 0_usize..12,
        put in "[-a-z0-9:{}\\[\\],*&!|> \n\t#\"'é]{0,4}",
    ) {
        let end = (at + removed).min(ELEVATOR.len());
        check(&format!("{}{put}{}", &ELEVATOR[..at], &ELEVATOR[end..]))?;
    }
}
