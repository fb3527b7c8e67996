//! A room is made in a temporary checkout and its files are looked at.

use super::{FILES, call, generate};
use crate::api::Model;
use crate::workspace::Workspace;
use std::fs;
use tempfile::TempDir;

const MODEL: &str = "\
service lamps
id Lamps
version 2020-01-01
protocols json
json 1.0
endpoint lamps
signing lamps
target Lamps_2020
op GetLamp POST / in=GetLampInput out=GetLampOutput
op ListLamps POST / in=ListLampsInput out=ListLampsOutput
structure GetLampInput
 Name! String
structure ListLampsInput
 Next String
";

fn checkout() -> (TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let real = Workspace::open().unwrap();
    for file in ["Cargo.toml", "crates/cloud/Cargo.toml", "crates/cloud/src/services.rs"] {
        let to = folder.path().join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(real.path(file), to).unwrap();
    }
    fs::create_dir(folder.path().join("models")).unwrap();
    fs::write(folder.path().join("models/lamps.api"), MODEL).unwrap();
    let root = folder.path().to_owned();
    (folder, Workspace { root })
}

#[test]
fn a_new_room_has_the_closed_set_of_files_and_is_named_where_rooms_are_named() {
    let (_folder, workspace) = checkout();
    assert_eq!(generate(&workspace, "lamps").unwrap(), "ListLamps");
    for (path, _) in FILES {
        let text = workspace.read(&path.replace("{name}", "lamps")).unwrap();
        for left in ["{name}", "{id}", "{call}", "{snake}"] {
            assert!(!text.contains(left), "{path} still has {left}");
        }
    }
    let list = workspace.read("crates/cloud/src/services.rs").unwrap();
    assert!(list.contains("yakumo_lamps::room(&base)"), "{list}");
    assert!(workspace.read("crates/cloud/Cargo.toml").unwrap().contains("yakumo-lamps.workspace = true"));
    let root = workspace.read("Cargo.toml").unwrap();
    assert!(root.contains("yakumo-lamps = { path = \"services/lamps\" }"), "{root}");
    assert!(root.contains("yakumo-api-lamps = { path = \"apis/lamps\" }"), "{root}");
}

#[test]
fn what_is_there_already_is_not_touched() {
    let (_folder, workspace) = checkout();
    assert!(generate(&workspace, "nowhere").is_err());
    generate(&workspace, "lamps").unwrap();
    let before = workspace.read("Cargo.toml").unwrap();
    assert!(generate(&workspace, "lamps").is_err());
    assert_eq!(workspace.read("Cargo.toml").unwrap(), before);
}

/// The templates are what the exemplar room looks like.
#[test]
fn the_exemplars_api_crate_is_what_the_templates_make() {
    let real = Workspace::open().unwrap();
    for (path, template) in
        FILES.iter().filter(|(path, _)| path.starts_with("apis/") && !path.ends_with(".txt"))
    {
        let fill = |text: &str| text.replace("{name}", "sqs").replace("{id}", "SQS");
        assert_eq!(real.read(&fill(path)).unwrap(), fill(template), "{path}");
    }
}

#[test]
fn the_first_call_needs_nothing_and_speaks_the_services_protocol() {
    let check = |text: &str, name: &str, part: &str| {
        let operation = call::first_operation(text, &Model::parse(text).unwrap()).unwrap();
        assert_eq!(operation.name, name);
        let call = call::rust(text, &operation).unwrap();
        assert!(call.contains(part), "{call}");
    };
    check(MODEL, "ListLamps", "root.json(\"lamps\", \"Lamps_2020.ListLamps\", \"1.0\"");
    let query = MODEL.replace("protocols json", "protocols query");
    check(&query, "ListLamps", "root.query(\"lamps\", \"2020-01-01\", \"ListLamps\", &[])");
    let rest = MODEL
        .replace("protocols json", "protocols rest-json")
        .replace("ListLamps POST /", "ListLamps GET /lamps");
    check(&rest, "ListLamps", "method(\"GET\").uri(\"/lamps\")");
}
