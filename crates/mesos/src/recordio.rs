//! RecordIO, the framing of Mesos event streams: the length in ASCII decimals, a newline, then so
//! many bytes; nothing after (PROTOCOL §2).
//!
//! There is no checksum and no way to find the next record after a bad one: an error ends the
//! stream.

use bytes::{Buf as _, Bytes, BytesMut};
use thiserror::Error;

/// The largest record that a [`Decoder`] takes unless told otherwise: 128 MiB.
///
/// Mesos itself has no limit, and 65 MiB have been seen to pass (PROTOCOL §10). A limit there must
/// be, or eight digits of a broken peer make us wait for ever and buffer without end.
pub const RECORD_BYTES_MAX: usize = 128 << 20;

/// The most digits that a length can have: those of [`u64::MAX`].
const LENGTH_DIGITS_MAX: usize = 20;

/// Why a stream is not RecordIO.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The length has a byte that is not a digit, or no digit at all.
    #[error("record length has the byte {byte:#04x} where a digit was expected")]
    NotADigit {
        /// The byte found.
        byte: u8,
    },
    /// The record is larger than this reader takes.
    #[error("record is larger than {max} bytes")]
    TooLarge {
        /// The largest that would have been taken.
        max: usize,
    },
}

/// Appends one record to `out`.
pub fn encode(record: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(record.len().to_string().as_bytes());
    out.push(b'\n');
    out.extend_from_slice(record);
}

/// Takes a stream apart into records, in whatever pieces it comes.
///
/// Call [`push`](Self::push) with each piece and then [`next`](Self::next) until it answers
/// `Ok(None)`. After an error the stream is of no use: every further call answers the same error.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    record_bytes_max: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Within the length; so many of its bytes have been looked at.
    Length { scanned: usize },
    /// Within the record; it has so many bytes.
    Record { bytes: usize },
    /// The stream is broken.
    Failed(RecordError),
}

impl Decoder {
    /// A decoder that refuses records of more than `record_bytes_max` bytes.
    pub fn new(record_bytes_max: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            record_bytes_max,
            state: State::Length { scanned: 0 },
        }
    }

    /// Adds the next piece of the stream; nothing is kept of a stream that is broken.
    pub fn push(&mut self, piece: &[u8]) {
        if !matches!(self.state, State::Failed(_)) {
            self.buffer.extend_from_slice(piece);
        }
    }

    /// The next whole record, or `None` until more is pushed.
    ///
    /// # Errors
    /// When the stream is not RecordIO, or a record is too large.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator could not go on after `None`"
    )]
    pub fn next(&mut self) -> Result<Option<Bytes>, RecordError> {
        loop {
            match self.step() {
                Ok(Step::Record(record)) => return Ok(Some(record)),
                Ok(Step::Again) => {}
                Ok(Step::NeedMore) => return Ok(None),
                Err(error) => {
                    self.state = State::Failed(error.clone());
                    self.buffer.clear();
                    return Err(error);
                }
            }
        }
    }

    /// Whether the stream could end here without a record being cut.
    pub fn is_at_boundary(&self) -> bool {
        self.buffer.is_empty() && matches!(self.state, State::Length { .. })
    }

    fn step(&mut self) -> Result<Step, RecordError> {
        match &mut self.state {
            State::Length { scanned } => {
                while let Some(&byte) = self.buffer.get(*scanned) {
                    if byte == b'\n' && *scanned > 0 {
                        let bytes = length(&self.buffer[..*scanned], self.record_bytes_max)?;
                        self.buffer.advance(*scanned + 1);
                        self.state = State::Record { bytes };
                        return Ok(Step::Again);
                    }
                    if !byte.is_ascii_digit() {
                        return Err(RecordError::NotADigit { byte });
                    }
                    *scanned += 1;
                    if *scanned > LENGTH_DIGITS_MAX {
                        return Err(RecordError::TooLarge {
                            max: self.record_bytes_max,
                        });
                    }
                }
                Ok(Step::NeedMore)
            }
            State::Record { bytes } => {
                if self.buffer.len() < *bytes {
                    return Ok(Step::NeedMore);
                }
                let record = self.buffer.split_to(*bytes).freeze();
                self.state = State::Length { scanned: 0 };
                Ok(Step::Record(record))
            }
            State::Failed(error) => Err(error.clone()),
        }
    }
}

impl Default for Decoder {
    /// A decoder that refuses records of more than [`RECORD_BYTES_MAX`] bytes.
    fn default() -> Self {
        Self::new(RECORD_BYTES_MAX)
    }
}

enum Step {
    Record(Bytes),
    Again,
    NeedMore,
}

/// The value of `digits`, all of them ASCII digits, if it is not above `max`.
fn length(digits: &[u8], max: usize) -> Result<usize, RecordError> {
    digits
        .iter()
        .try_fold(0_usize, |value, digit| {
            value
                .checked_mul(10)?
                .checked_add(usize::from(digit - b'0'))
        })
        .filter(|value| *value <= max)
        .ok_or(RecordError::TooLarge { max })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode_all(decoder: &mut Decoder) -> Result<Vec<Bytes>, RecordError> {
        let mut records = Vec::new();
        while let Some(record) = decoder.next()? {
            records.push(record);
        }
        Ok(records)
    }

    #[track_caller]
    fn check_error(stream: &[u8], expected: RecordError) {
        let mut decoder = Decoder::new(1000);
        decoder.push(stream);
        assert_eq!(decode_all(&mut decoder), Err(expected.clone()));
        decoder.push(b"2\nhi");
        assert_eq!(decode_all(&mut decoder), Err(expected), "an error is final");
        assert!(
            decoder.buffer.is_empty(),
            "nothing piles up behind an error"
        );
    }

    #[test]
    fn a_recorded_heartbeat_is_one_record() {
        let mut decoder = Decoder::default();
        decoder.push(b"20\n{\"type\":\"HEARTBEAT\"}");
        assert_eq!(
            decode_all(&mut decoder),
            Ok(vec![Bytes::from_static(b"{\"type\":\"HEARTBEAT\"}")])
        );
        assert!(decoder.is_at_boundary());
    }

    #[test]
    fn an_empty_record_is_a_record() {
        let mut decoder = Decoder::default();
        decoder.push(b"0\n1\nx");
        assert_eq!(
            decode_all(&mut decoder),
            Ok(vec![Bytes::new(), Bytes::from_static(b"x")])
        );
    }

    #[test]
    fn a_stream_that_ends_within_a_record_is_not_at_a_boundary() {
        for cut in ["2", "2\n", "2\nh"] {
            let mut decoder = Decoder::default();
            decoder.push(cut.as_bytes());
            assert_eq!(decode_all(&mut decoder), Ok(vec![]));
            assert!(!decoder.is_at_boundary(), "cut after {cut:?}");
        }
    }

    #[test]
    fn what_is_not_a_length_is_refused() {
        check_error(b"\n", RecordError::NotADigit { byte: b'\n' });
        check_error(b"-1\n", RecordError::NotADigit { byte: b'-' });
        check_error(b"1x\n", RecordError::NotADigit { byte: b'x' });
        check_error(b"1001\n", RecordError::TooLarge { max: 1000 });
        check_error(
            b"99999999999999999999\n",
            RecordError::TooLarge { max: 1000 },
        );
        check_error(
            b"000000000000000000001",
            RecordError::TooLarge { max: 1000 },
        );
    }

    proptest! {
        #[test]
        fn records_come_back_whatever_the_pieces(
            records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            cuts in prop::collection::vec(1_usize..20, 0..64),
        ) {
            let mut stream = Vec::new();
            for record in &records {
                encode(record, &mut stream);
            }
            let mut decoder = Decoder::default();
            let mut decoded = Vec::new();
            let mut rest = stream.as_slice();
            for cut in cuts {
                let (piece, tail) = rest.split_at(cut.min(rest.len()));
                decoder.push(piece);
                decoded.extend(decode_all(&mut decoder).unwrap());
                rest = tail;
            }
            decoder.push(rest);
            decoded.extend(decode_all(&mut decoder).unwrap());
            prop_assert_eq!(decoded, records);
            prop_assert!(decoder.is_at_boundary());
        }

        #[test]
        fn no_stream_makes_it_panic(stream in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::new(64);
            decoder.push(&stream);
            let _ = decode_all(&mut decoder);
        }
    }
}
