//! A message that can be told from every other: its number, and a pattern that follows from the
//! number and the length. Pieces that are lost, swapped or of another message do not fit it.

/// The bytes of a number, and so the shortest message.
pub const NUMBER_BYTES: usize = 8;

/// Bytes of the pattern that are made at once.
const WORD_BYTES: usize = 8;

/// The message with this number.
///
/// # Panics
/// When `bytes` is less than [`NUMBER_BYTES`].
pub fn write(number: u64, bytes: usize) -> Vec<u8> {
    assert!(bytes >= NUMBER_BYTES, "a message has room for its number");
    let mut message = Vec::with_capacity(bytes + WORD_BYTES);
    message.extend_from_slice(&number.to_le_bytes());
    let mut word = first_word(number, bytes);
    while message.len() < bytes {
        message.extend_from_slice(&word.to_le_bytes());
        word = word.wrapping_add(1);
    }
    message.truncate(bytes);
    message
}

/// The number of a message; `None` when it is not one that [`write()`] makes.
pub fn read(message: &[u8]) -> Option<u64> {
    let (number, pattern) = message.split_first_chunk()?;
    let number = u64::from_le_bytes(*number);
    let mut word = first_word(number, message.len());
    let (words, rest) = pattern.as_chunks::<WORD_BYTES>();
    for found in words {
        if u64::from_le_bytes(*found) != word {
            return None;
        }
        word = word.wrapping_add(1);
    }
    word.to_le_bytes().starts_with(rest).then_some(number)
}

/// Multiplication by a large odd number spreads what differs a little over all bits.
fn first_word(number: u64, bytes: usize) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    (number ^ ((bytes as u64) << 40)).wrapping_mul(SPREAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_any_length_is_read_as_it_was_written() {
        for bytes in [8, 9, 15, 16, 17, 20, 1000, 65_536] {
            for number in [0, 1, 255, 256, u64::MAX] {
                let message = write(number, bytes);
                assert_eq!((message.len(), read(&message)), (bytes, Some(number)));
            }
        }
    }

    #[test]
    fn a_message_that_was_changed_is_none() {
        let message = write(7, 100);
        for index in 0..message.len() {
            let mut changed = message.clone();
            changed[index] ^= 0x10;
            assert_eq!(read(&changed), None, "byte {index}");
        }
        let mut swapped = message.clone();
        swapped[16..48].rotate_left(16);
        assert_eq!(read(&swapped), None);
        assert_eq!(read(&message[..99]), None);
        assert_eq!(read(&message[..4]), None);
        assert_eq!(read(b""), None);
    }
}
