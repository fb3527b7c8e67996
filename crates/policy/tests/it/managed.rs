//! Every managed policy that AWS publishes: what AWS itself writes must be understood.

use std::path::PathBuf;
use yakumo_policy::{Document, PolicyKind};

/// The committed documents by name. from: `reference/policies`, which says where they come from.
fn published() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../reference/policies");
    let mut documents = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let mut name = String::new();
        for line in text.lines() {
            match line.strip_prefix("policy ") {
                Some(rest) => name = rest.split(' ').next().unwrap_or_default().to_owned(),
                None if line.starts_with('{') => documents.push((name.clone(), line.to_owned())),
                None => {}
            }
        }
    }
    documents
}

#[test]
fn every_policy_of_aws_parses() {
    let documents = published();
    assert!(documents.len() > 1_000, "{}", documents.len());
    let refused: Vec<String> = documents
        .iter()
        .filter_map(|(name, text)| {
            let error = Document::parse(text, PolicyKind::Managed).err()?;
            Some(format!("{name}: {} ({})", error.message, error.reason))
        })
        .collect();
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n"));
}
