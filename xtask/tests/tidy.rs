//! The rules of `cargo xtask tidy` hold in this checkout.

use xtask::tidy::RULES;
use xtask::workspace::Workspace;

#[test]
fn the_checkout_is_tidy() {
    let workspace = Workspace::open().unwrap();
    let mut wrong = Vec::new();
    for (name, rule) in RULES {
        let findings = rule(&workspace).unwrap();
        wrong.extend(findings.iter().map(|finding| format!("{name}: {finding}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
