//! Streams that no peer of ours would send, some of them nearly right. What the fuzz targets do
//! without end, for a while.

use mesosgot_mesos::recordio::{self, RecordError};

#[path = "../../fuzz/check.rs"]
mod check;

/// Inputs of one run of each test.
const INPUTS: usize = 50_000;

/// Some bytes are other ones, are missing, or stand twice.
fn damage(rng: &mut fastrand::Rng, input: &mut Vec<u8>) {
    for _ in 0..rng.usize(0..4) {
        let at = rng.usize(0..=input.len());
        let byte = *rng.clone().choice(b"0919\n\0\x7f\xff ").unwrap();
        match rng.u32(0..5) {
            0 if at < input.len() => input[at] = byte,
            1 if at < input.len() => input[at] ^= 1 << rng.u32(0..8),
            2 if at < input.len() => drop(input.remove(at)),
            3 if rng.u32(0..4) == 0 => input.truncate(at),
            _ => input.insert(at, byte),
        }
    }
}

#[test]
fn records_are_the_same_however_their_stream_is_cut_and_damaged() {
    let mut rng = fastrand::Rng::with_seed(21);
    let (mut whole, mut cut, mut no_digit, mut too_large) = (0, 0, 0, 0);
    for _ in 0..INPUTS {
        let mut input = vec![rng.u8(..)];
        for _ in 0..rng.usize(0..6) {
            let length = [0, 1, 9, 10, 99, 1000, 1001][rng.usize(0..7)];
            let byte = *rng.choice(b"1\nx").unwrap();
            // Large ones are slow, and say little new.
            let length = if rng.u32(0..10) == 0 {
                length
            } else {
                length % 100
            };
            recordio::encode(&vec![byte; length], &mut input);
        }
        damage(&mut rng, &mut input);
        match check::recordio(&input) {
            Ok(true) => whole += 1,
            Ok(false) => cut += 1,
            Err(RecordError::NotADigit { .. }) => no_digit += 1,
            Err(RecordError::TooLarge { .. }) => too_large += 1,
        }
    }
    for count in [whole, cut, no_digit, too_large] {
        assert!(count > INPUTS / 100, "{whole} {cut} {no_digit} {too_large}");
    }
}

#[test]
fn no_stream_of_a_zookeeper_server_is_read_as_more_than_it_is() {
    let mut rng = fastrand::Rng::with_seed(22);
    let (mut read, mut too_long) = (0, 0);
    for _ in 0..INPUTS {
        let mut input = Vec::new();
        for _ in 0..rng.usize(0..4) {
            let mut frame = Vec::new();
            for _ in 0..rng.usize(0..8) {
                let word = [0, 1, 2, 4, 16, -1, -2, -101, i32::MAX, i32::MIN];
                frame.extend(word[rng.usize(0..word.len())].to_be_bytes());
                frame.extend(&b"json.info_0000000001"[..4 * rng.usize(0..6)]);
            }
            input.extend((frame.len() as i32).to_be_bytes());
            input.extend(frame);
        }
        damage(&mut rng, &mut input);
        let (frames, is_too_long) = check::zookeeper(&input);
        read += frames;
        too_long += usize::from(is_too_long);
    }
    assert!(
        read > INPUTS / 2 && too_long > INPUTS / 100,
        "{read} and {too_long}"
    );
}
