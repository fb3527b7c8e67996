//! The models' regular expressions, which are Java's.

use std::collections::BTreeSet;

#[test]
fn every_pattern_compiles() {
    let (mut wrong, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for embedded in yakumo_models::services() {
        for shape in &embedded.service().shapes {
            if let Some(pattern) = &shape.pattern
                && seen.insert(pattern.text)
                && !pattern.compiles()
            {
                wrong.insert(format!("{}.{}: {}", embedded.name, shape.name, pattern.text));
            }
        }
    }
    assert!(seen.len() > 800);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
