//! Files that the program itself has written, read back within a limit.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Size of the largest file that is read.
// Totals of a trial with many analyses have a few MiB, those of a grid of 10 000 points a few GiB.
const MOST_BYTES_OF_FILE: u64 = 1 << 32;

/// Bytes that are read at most from a pipe or a device, whose size is not known before.
// `/dev/zero` would fill the memory.
const MOST_BYTES_OF_STREAM: u64 = 1 << 28;

/// Reads a text file, unless it is too large.
pub fn read_text(path: &Path) -> io::Result<String> {
    read_open(&File::open(path)?)
}

/// Reads the rest of an open text file, unless it is too large.
pub fn read_open(file: &File) -> io::Result<String> {
    let found = file.metadata()?;
    let most = if found.is_file() { MOST_BYTES_OF_FILE } else { MOST_BYTES_OF_STREAM };
    let mut text = String::new();
    if found.len() > most {
        return Err(too_large(most));
    }
    let read = file.take(most + 1).read_to_string(&mut text)?;
    if read as u64 > most { Err(too_large(most)) } else { Ok(text) }
}

fn too_large(most: u64) -> io::Error {
    io::Error::other(format!("it is larger than {} MiB", most >> 20))
}
