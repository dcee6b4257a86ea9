//! Checkpoints and shards: as they are, and with a checksum that fits, as only a reader that looks
//! further than that needs to be careful.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rescuesim::summary::part::{self, Part};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

fuzz_target!(|text: &str| {
    let _ = Part::read(text);
    let Some(fitting) = with_checksum(text) else { return };
    if let Ok((part, _)) = Part::read(&fitting) {
        let _ = part.to_json();
        let _ = part::merge(vec![("a".into(), part.clone()), ("b".into(), part)]);
    }
});

/// The same content in an envelope that says so.
fn with_checksum(text: &str) -> Option<String> {
    let envelope: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let version = envelope.get("rescuesim_part")?.as_str()?;
    let content = envelope.get("content")?.to_string();
    let digest = Sha256::digest(format!("{version}\n{content}"));
    let sha256: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let content = RawValue::from_string(content).ok()?;
    let envelope = serde_json::json!({ "rescuesim_part": version, "sha256": sha256 }).to_string();
    Some(format!("{},\"content\":{}}}", envelope.strip_suffix('}')?, content.get()))
}
