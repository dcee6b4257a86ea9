//! Reading of checkpoints and shards: the input unchanged, and with a valid checksum, since the checksum
//! hides the parser of the content from random input.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use rescuesim::summary::checkpoint::{self, Checkpoint, NamedCheckpoint};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

fuzz_target!(|text: &str| {
    let _ = Checkpoint::read(text);
    let Some(fitting) = with_checksum(text) else { return };
    if let Ok(read) = Checkpoint::read(&fitting) {
        let _ = read.to_json();
        let named = ["a", "b"]
            .map(|name| NamedCheckpoint { name: name.to_owned(), checkpoint: read.clone() });
        let _ = checkpoint::merge(named.into());
        let alone = NamedCheckpoint { name: "a".to_owned(), checkpoint: read };
        if let Ok(merged) = checkpoint::merge(vec![alone]) {
            let _ = merged.job(0);
        }
    }
});

/// Returns the content in an envelope with a valid checksum.
fn with_checksum(text: &str) -> Option<String> {
    // As text, since numbers of a tally may be larger than a JSON value holds.
    let envelope: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let version: String = serde_json::from_str(envelope.get("rescuesim_part")?.get()).ok()?;
    let content = envelope.get("content")?.get();
    let digest = Sha256::digest(format!("{version}\n{content}"));
    let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let fitting = serde_json::json!({ "rescuesim_part": version, "sha256": sha256 }).to_string();
    Some(format!("{},\"content\":{content}}}", fitting.strip_suffix('}')?))
}
