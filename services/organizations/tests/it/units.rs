//! Units, the tree, tags, pages.

use crate::client::{SCP, World, deny, texts};
use serde_json::{Value, json};

#[tokio::test]
async fn units_have_names_of_their_own_below_a_parent() {
    let world = World::new().await;
    let dev = world.unit(&world.root_id, "dev").await;
    assert!(dev.starts_with(&format!("ou-{}-", world.root_id.trim_start_matches("r-"))));
    let twin = json!({ "ParentId": world.root_id, "Name": "dev" });
    world.refused("CreateOrganizationalUnit", twin, "DuplicateOrganizationalUnitException").await;
    world.unit(&dev, "dev").await;
    let test = world.unit(&world.root_id, "test").await;
    let rename = |name: &str| json!({ "OrganizationalUnitId": test, "Name": name });
    world.refused("UpdateOrganizationalUnit", rename("dev"), "DuplicateOrganizationalUnitException").await;
    let renamed = world.ok("UpdateOrganizationalUnit", rename("prod")).await["OrganizationalUnit"].clone();
    assert_eq!((&renamed["Name"], &renamed["Id"]), (&json!("prod"), &json!(test)));
    assert_eq!(renamed["Path"], format!("{}/{}/{test}/", world.organization, world.root_id));
    let absent = json!({ "ParentId": "r-zzzz", "Name": "dev" });
    let text = world.refused("CreateOrganizationalUnit", absent, "ParentNotFoundException").await;
    assert_eq!(text, "You specified parent that doesn't exist.");
    world.cloud.stop().await;
}

#[tokio::test]
async fn only_empty_units_go_and_five_levels_are_the_most() {
    let world = World::new().await;
    let mut parent = world.root_id.clone();
    let mut units = Vec::new();
    for level in 1..=5 {
        parent = world.unit(&parent, &format!("level{level}")).await;
        units.push(parent.clone());
    }
    let sixth = json!({ "ParentId": parent, "Name": "level6" });
    world.refused("CreateOrganizationalUnit", sixth, "ConstraintViolationException").await;
    let account = world.account("dev").await;
    world.relocate(&account, &world.root_id, &parent).await;
    let delete = |id: &str| json!({ "OrganizationalUnitId": id });
    for full in [&units[0], &parent] {
        world.refused("DeleteOrganizationalUnit", delete(full), "OrganizationalUnitNotEmptyException").await;
    }
    world.relocate(&account, &parent, &units[0]).await;
    world.ok("DeleteOrganizationalUnit", delete(&parent)).await;
    world.refused("DeleteOrganizationalUnit", delete(&parent), "OrganizationalUnitNotFoundException").await;
    world.cloud.stop().await;
}

#[tokio::test]
async fn parents_and_children_mirror_each_other() {
    let world = World::new().await;
    let dev = world.unit(&world.root_id, "dev").await;
    let account = world.account("a").await;
    for (from, to, code) in [
        (&dev, &world.root_id, "SourceParentNotFoundException"),
        (&world.root_id, &world.root_id, "DuplicateAccountException"),
        (&world.root_id, &"ou-aaaa-aaaaaaaa".to_owned(), "DestinationParentNotFoundException"),
    ] {
        let input = json!({ "AccountId": account, "SourceParentId": from, "DestinationParentId": to });
        world.refused("MoveAccount", input, code).await;
    }
    world.relocate(&account, &world.root_id, &dev).await;
    let parents = world.ok("ListParents", json!({ "ChildId": account })).await["Parents"].clone();
    assert_eq!(parents, json!([{ "Id": dev, "Type": "ORGANIZATIONAL_UNIT" }]));
    let parents = world.ok("ListParents", json!({ "ChildId": dev })).await["Parents"].clone();
    assert_eq!(parents, json!([{ "Id": world.root_id, "Type": "ROOT" }]));
    for (parent, kind, wanted) in [
        (&dev, "ACCOUNT", vec![account.clone()]),
        (&dev, "ORGANIZATIONAL_UNIT", vec![]),
        (&world.root_id, "ORGANIZATIONAL_UNIT", vec![dev.clone()]),
    ] {
        let list = world.ok("ListChildren", json!({ "ParentId": parent, "ChildType": kind })).await;
        assert_eq!(texts(&list["Children"], "Id"), wanted, "{kind}");
    }
    let list = world.ok("ListAccountsForParent", json!({ "ParentId": dev })).await;
    assert_eq!(texts(&list["Accounts"], "Id"), [account.as_str()]);
    let shown = world.ok("DescribeAccount", json!({ "AccountId": account })).await["Account"].clone();
    assert_eq!(shown["Paths"][0], format!("{}/{}/{dev}/{account}/", world.organization, world.root_id));
    world.refused("ListParents", json!({ "ChildId": "123412341234" }), "ChildNotFoundException").await;
    world.cloud.stop().await;
}

#[tokio::test]
async fn lists_come_in_pages() {
    let world = World::new().await;
    let mut units = Vec::new();
    for number in 0..23 {
        units.push(world.unit(&world.root_id, &format!("unit{number}")).await);
    }
    let list = |more: Value| {
        let mut input = json!({ "ParentId": world.root_id });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let first = world.ok("ListOrganizationalUnitsForParent", list(json!({}))).await;
    assert_eq!(first["OrganizationalUnits"].as_array().unwrap().len(), 20);
    let next = list(json!({ "NextToken": first["NextToken"], "MaxResults": 5 }));
    let second = world.ok("ListOrganizationalUnitsForParent", next).await;
    assert!(second["NextToken"].is_null());
    let mut seen = texts(&first["OrganizationalUnits"], "Id");
    seen.extend(texts(&second["OrganizationalUnits"], "Id"));
    units.sort();
    assert_eq!(seen, units);
    for wrong in [json!({ "NextToken": "*" }), json!({ "MaxResults": 21 })] {
        world.refused("ListOrganizationalUnitsForParent", list(wrong), "InvalidInputException").await;
    }
    world.cloud.stop().await;
}

#[tokio::test]
async fn everything_but_awss_policies_has_tags() {
    let world = World::new().await;
    let unit = world.unit(&world.root_id, "dev").await;
    let account = world.account("a").await;
    let policy = world.policy(SCP, "p", deny("sqs:*")).await;
    for id in [&unit, &account, &policy, &world.root_id] {
        let tags = json!([{ "Key": "team", "Value": "blue" }, { "Key": "stage", "Value": "" }]);
        world.ok("TagResource", json!({ "ResourceId": id, "Tags": tags })).await;
        world.ok("UntagResource", json!({ "ResourceId": id, "TagKeys": ["stage", "absent"] })).await;
        let list = world.ok("ListTagsForResource", json!({ "ResourceId": id })).await;
        assert_eq!(list["Tags"], json!([{ "Key": "team", "Value": "blue" }]), "{id}");
    }
    let tag = |id: &str, tags| json!({ "ResourceId": id, "Tags": tags });
    let one = json!([{ "Key": "team", "Value": "blue" }]);
    world.refused("TagResource", tag("p-FullAWSAccess", one.clone()), "InvalidInputException").await;
    world.refused("TagResource", tag("123412341234", one), "TargetNotFoundException").await;
    for wrong in [
        json!([{ "Key": "aws:team", "Value": "blue" }]),
        json!([{ "Key": "team", "Value": "blue" }, { "Key": "team", "Value": "red" }]),
    ] {
        world.refused("TagResource", tag(&unit, wrong), "InvalidInputException").await;
    }
    let many: Vec<Value> =
        (0..50).map(|number| json!({ "Key": format!("k{number}"), "Value": "" })).collect();
    world.refused("TagResource", tag(&unit, json!(many)), "ConstraintViolationException").await;
    let thousands: Vec<Value> =
        (0..5_000).map(|number| json!({ "Key": format!("k{number}"), "Value": "" })).collect();
    world.refused("TagResource", tag(&unit, json!(thousands)), "ConstraintViolationException").await;
    world.cloud.stop().await;
}
