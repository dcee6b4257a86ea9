//! Gives the library a digest of the sources that its results depend on, so that a checkpoint says
//! which program has written it, whatever the version number.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What only prints results.
const PRINTING: [&str; 3] = ["src/cli", "src/report", "src/main.rs"];

fn main() -> io::Result<()> {
    let mut files = Vec::new();
    list(Path::new("src"), &mut files)?;
    files.push(PathBuf::from("Cargo.lock"));
    files.sort();
    // Not the folder as a whole: a change of what prints would build the library anew.
    for file in &files {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    let mut digest = Fnv1a::new();
    for file in files.iter().filter(|file| file.exists()) {
        // Line ends differ between checkouts.
        let content = fs::read(file)?.into_iter().filter(|&byte| byte != b'\r');
        let name = file.components().flat_map(|part| part.as_os_str().as_encoded_bytes().to_vec());
        digest.add(name.chain(content));
    }
    println!("cargo::rustc-env=RESCUESIM_SOURCES={:016x}", digest.0);
    Ok(())
}

/// Every file below a folder.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if PRINTING.iter().any(|printing| path == Path::new(printing)) {
            continue;
        }
        if path.is_dir() {
            list(&path, files)?;
        // Pages that document the code do not affect results.
        } else if path.extension().is_none_or(|extension| extension != "md") {
            files.push(path);
        }
    }
    Ok(())
}

/// The hash of Fowler, Noll and Vo, which is the same on every platform.
struct Fnv1a(u64);

impl Fnv1a {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: impl Iterator<Item = u8>) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}
