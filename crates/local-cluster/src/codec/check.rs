//! What must hold of both encodings whatever a client sends. Shared by the fuzz target and by the
//! test that tries calls drawn from a seed on every run.

use bytes::Bytes;
use mesos::v1;

use super::{Body, Encoding, decode_sized, encode};

/// The first byte says what the rest is: which call, and in which encoding. Whether it is one.
///
/// What is refused is told in a text that is not much longer than what was sent. What is taken is
/// the same call when it is written and read again, in protobuf as in JSON, and takes no less memory
/// than it is said to.
pub(crate) fn check(input: &[u8]) -> bool {
    let Some((kind, body)) = input.split_first() else {
        return false;
    };
    let encoding = match kind % 2 {
        0 => Encoding::Json,
        _ => Encoding::Protobuf,
    };
    match kind / 2 % 4 {
        0 => check_as::<v1::scheduler::Call>(encoding, body),
        1 => check_as::<v1::executor::Call>(encoding, body),
        2 => check_as::<v1::master::Call>(encoding, body),
        _ => check_as::<v1::agent::Call>(encoding, body),
    }
}

fn check_as<T: Body>(encoding: Encoding, body: &[u8]) -> bool {
    let decoded = match decode_sized::<T>(encoding, Bytes::copy_from_slice(body)) {
        Ok(decoded) => decoded,
        Err(error) => {
            // Bytes that are no text take three each where they are shown, and each field of a
            // message that lacks it is named by its path.
            let text = error.to_string();
            assert!(text.len() <= 1000 * (1 + body.len()), "{text:.1000}");
            return false;
        }
    };
    let message = decoded.message;
    let wire = encode(Encoding::Protobuf, &message);
    assert!(
        decoded.bytes >= wire.len(),
        "{} of {}",
        decoded.bytes,
        wire.len()
    );
    let again = decode_sized::<T>(Encoding::Protobuf, wire.clone());
    let again = again.expect("what was read can be written").message;
    // As bytes: what is no number is not the same as itself.
    assert_eq!(encode(Encoding::Protobuf, &again), wire);

    // JSON shows defaults, so the second time is the one that counts; and it has no word for what
    // is no number, nor for a value that an enum does not have, which protobuf lets pass.
    let json = encode(Encoding::Json, &message);
    match decode_sized::<T>(Encoding::Json, json.clone()) {
        Ok(again) => assert_eq!(encode(Encoding::Json, &again.message), json),
        Err(error) => {
            let text = String::from_utf8_lossy(&json);
            let mut words = ["nan", "NaN", "Infinity"].iter();
            let has_word = words.all(|word| !text.contains(word));
            let is_enum = error.to_string().contains("Not expecting a JSON number");
            assert!(!has_word || is_enum, "{error}: {text}");
        }
    }
    true
}
