//! What must hold of the decoders whatever a peer sends. Shared by the fuzz targets and by the test
//! that tries mutations on every run.

use bytes::Bytes;
use mesosgot_mesos::recordio::{self, Decoder, RecordError};
use mesosgot_mesos::zookeeper::wire;

/// The largest record here.
const RECORD_BYTES_MAX: usize = 1000;

/// What a decoder makes of a stream: its records, and how it ends.
type Decoded = (Vec<Bytes>, Result<bool, RecordError>);

/// Takes a stream apart that comes in these pieces.
fn decode<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Decoded {
    let mut decoder = Decoder::new(RECORD_BYTES_MAX);
    let mut records = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        loop {
            match decoder.next() {
                Ok(Some(record)) => records.push(record),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(decoder.next(), Err(error.clone()), "an error is final");
                    return (records, Err(error));
                }
            }
        }
    }
    let is_whole = decoder.is_at_boundary();
    (records, Ok(is_whole))
}

/// The first byte says how the rest is cut into pieces; the rest is a stream of records.
///
/// However it is cut, the records are the same, and so is the error; no record is larger than it
/// may be or has bytes that were not sent; and what is written again is read again.
pub(crate) fn recordio(input: &[u8]) -> Result<bool, RecordError> {
    let Some((step, stream)) = input.split_first() else {
        return Ok(true);
    };
    let (records, end) = decode([stream].into_iter());
    let step = usize::from(*step).max(1);
    assert_eq!(decode(stream.chunks(step)), (records.clone(), end.clone()));
    assert_eq!(decode(stream.chunks(1)), (records.clone(), end.clone()));

    let bytes: usize = records.iter().map(Bytes::len).sum();
    assert!(
        bytes + 2 * records.len() <= stream.len(),
        "bytes out of nothing"
    );
    assert!(
        records
            .iter()
            .all(|record| record.len() <= RECORD_BYTES_MAX)
    );
    let mut written = Vec::new();
    for record in &records {
        recordio::encode(record, &mut written);
    }
    assert_eq!(decode([&*written].into_iter()), (records, Ok(true)));
    end
}

/// A stream of a ZooKeeper server. However it is cut into pieces, the frames are the same; nothing
/// that is read of a frame is larger than it. Answers how many frames there were, and whether one
/// was too long.
pub(crate) fn zookeeper(stream: &[u8]) -> (usize, bool) {
    let whole = frames([stream].into_iter());
    assert_eq!(frames(stream.chunks(1)), whole);
    let (frames, end) = whole;
    for frame in &frames {
        let bytes = frame.len();
        let _ = wire::greeting(frame.clone());
        let _ = wire::message(frame.clone());
        let data = wire::data(frame.clone());
        assert!(data.is_none_or(|data| data.len() <= bytes));
        let created = wire::created(frame.clone());
        assert!(created.is_none_or(|path| path.len() <= bytes));
        if let Some(names) = wire::children(frame.clone()) {
            let names_bytes: usize = names.iter().map(|name| 4 + name.len()).sum();
            assert!(names_bytes <= bytes, "more names than there is room for");
        }
    }
    (frames.len(), end.is_err())
}

fn frames<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Bytes>, Result<(), i32>) {
    let mut buffer = wire::Frames::default();
    let mut frames = Vec::new();
    for piece in pieces {
        buffer.push(piece);
        loop {
            match buffer.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(length) => return (frames, Err(length)),
            }
        }
    }
    (frames, Ok(()))
}
