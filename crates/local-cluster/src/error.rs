//! Errors as one line, for places that have only one.

use std::error::Error;
use std::iter;

/// An error with its causes.
pub(crate) fn chain(error: &dyn Error) -> String {
    let causes = iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
