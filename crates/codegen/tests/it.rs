//! Every committed model can be read, packed and written as Rust.

use std::path::Path;
use yakumo_codegen::{Listed, load, pack, parse, parse_many, rust};

#[test]
fn every_model_is_understood() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let mut count = 0;
    for entry in std::fs::read_dir(&models).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "api") {
            continue;
        }
        let api = load(&models, path.file_stem().unwrap().to_str().unwrap()).unwrap();
        assert!(pack(&api).unwrap().starts_with(b"YKM1"));
        let operations = api.operations.iter().map(|operation| operation.name.clone()).collect();
        let text = rust(&api, &Listed { operations, both_ways: false }).unwrap();
        for operation in &api.operations {
            assert!(text.contains(&format!("pub struct {};", operation.name)), "{}", operation.name);
        }
        count += 1;
    }
    assert_eq!(count, 65);
    let routes = parse_many(&std::fs::read_to_string(models.join("routes.txt")).unwrap()).unwrap();
    assert!(routes.len() > 300 && routes.iter().all(|api| !api.operations.is_empty() && pack(api).is_ok()));
}

const MODEL: &str = "service x\nid X\nversion 1\nprotocols json\njson 1.0\nendpoint x\nsigning x\n\
    op Make POST / in=MakeRequest out=Thing\nop Take POST / out=Thing\n\
    structure MakeRequest\n Type! Text\n Again MakeRequest\n Items Things\n\
    list Things Thing\nstructure Thing\n Kind Color\n\
    string Text\nstring Color\n enum red|dark-blue\n";

#[test]
fn structures_are_named_by_their_use() {
    let text = rust(&parse(MODEL).unwrap(), &Listed::parse("Make # a comment\nTake\n")).unwrap();
    for expected in [
        "pub struct MakeRequest {",
        "pub type MakeInput = MakeRequest;",
        "pub type MakeOutput = Thing;",
        "pub struct TakeInput {}",
        "pub r#type: ::std::string::String,",
        "pub again: ::core::option::Option<::std::boxed::Box<MakeRequest>>,",
        "pub items: ::core::option::Option<::std::vec::Vec<Thing>>,",
        "pub const DARK_BLUE: &str = \"dark-blue\";",
        "::yakumo_wire::set_boxed(&mut self.again, from)",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    let only_take = rust(&parse(MODEL).unwrap(), &Listed::parse("Take")).unwrap();
    assert!(only_take.contains("pub struct TakeOutput {") && !only_take.contains("MakeRequest"));
    // What is only written has no code to read it.
    assert!(!only_take.contains("fn set("));
    assert!(rust(&parse(MODEL).unwrap(), &Listed::parse("Fly")).is_err());
}

#[test]
fn an_overlay_corrects_and_names_its_source() {
    let check = |overlay: &str| yakumo_codegen::apply_overlay(&mut parse(MODEL).unwrap(), overlay);
    assert!(check("[members.\"Thing.Kind\"]\nelement = \"K\"\nsource = \"s\"").is_ok());
    assert!(check("[members.\"Thing.Kind\"]\nelement = \"K\"").is_err(), "without a source");
    assert!(check("[members.\"Thing.None\"]\nelement = \"K\"\nsource = \"s\"").is_err(), "unknown member");
    assert!(check("[members.\"Thing.None\"]\nadd = \"Kind\"\nsource = \"s\"").is_ok());
    assert!(check("[members.\"Thing.Kind\"]\nadd = \"Kind\"\nsource = \"s\"").is_err(), "a member twice");
    assert!(check("[what]\nstyle = \"K\"\nsource = \"s\"").is_err(), "unknown key");
}
