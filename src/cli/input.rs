//! Files that the program itself has written, read back within a limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Size of the largest file that is read.
// Totals of the largest trials with many analyses have a few MiB.
const MOST_BYTES: u64 = 1 << 28;

/// Reads a text file of at most [`MOST_BYTES`].
pub fn read_text(path: &Path) -> io::Result<String> {
    read_open(&File::open(path)?)
}

/// Reads the rest of an open text file, at most [`MOST_BYTES`].
pub fn read_open(file: &File) -> io::Result<String> {
    let mut text = String::new();
    // A device has no size, so that it is limited while it is read.
    if file.metadata()?.len() > MOST_BYTES {
        return Err(too_large());
    }
    let read = file.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MOST_BYTES { Err(too_large()) } else { Ok(text) }
}

fn too_large() -> io::Error {
    io::Error::other(format!("it is larger than {} MiB", MOST_BYTES >> 20))
}
