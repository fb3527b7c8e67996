//! What services do for a caller and on their own, and what an organization forbids: through the whole door.

use crate::{Nobody, door_of};
use std::sync::Arc;
use yakumo_api_iam::{CreateUser, CreateUserInput, ListUsers, ListUsersInput};
use yakumo_api_sqs::{ListQueues, ListQueuesInput, ListQueuesOutput};
use yakumo_aws::{AccountId, Error, Region, Result};
use yakumo_policy::{Attached, Document, PolicyKind};
use yakumo_room::{
    Access, Base, Caller, Clock, Ctx, Ids, Need, NoOrganizations, Organizations, Place, Room, World,
};
use yakumo_store::Store;
use yakumo_testkit::{Client, element};

async fn base() -> Arc<Base> {
    let store = Store::open(yakumo_store::Config::memory()).await.unwrap();
    Base::new(store, Clock::default(), Ids::new(None))
}

/// A queue room whose list is the list of users: it asks IAM as its caller.
fn lister() -> Room {
    let rule = Access::needs(["sqs:ListQueues"], |ctx: &Ctx, _: &ListQueuesInput| {
        Box::pin(async move { Ok(vec![Need::new("sqs:ListQueues", "*", ctx.account())]) })
    });
    Room::new("sqs").on(ListQueues, rule, async |ctx: Ctx, _: ListQueuesInput| {
        let users = ctx.call(ListUsers, ctx.caller().clone(), ListUsersInput::default()).await?;
        let names = users.users.into_iter().map(|user| user.user_name).collect();
        Ok(ListQueuesOutput { queue_urls: Some(names), ..ListQueuesOutput::default() })
    })
}

async fn user(root: &Client, name: &str, policy: &str) -> Result<(String, String), yakumo_testkit::Failure> {
    root.query("iam", V, "CreateUser", &[("UserName", name)]).await?;
    let put = [("UserName", name), ("PolicyName", "p"), ("PolicyDocument", policy)];
    root.query("iam", V, "PutUserPolicy", &put).await?;
    let key = root.query("iam", V, "CreateAccessKey", &[("UserName", name)]).await?;
    let of = |tag| element(&key, tag).unwrap_or_default();
    Ok((of("AccessKeyId"), of("SecretAccessKey")))
}

const V: &str = "2010-05-08";
const BOTH: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Action":"sqs:ListQueues","Resource":"*"},
    {"Effect":"Allow","Action":"iam:ListUsers","Resource":"*",
     "Condition":{"ForAnyValue:StringEquals":{"aws:CalledVia":"sqs.amazonaws.com"},
                  "Bool":{"aws:ViaAWSService":"true"}}}]}"#;
const ONE: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}"#;

#[tokio::test]
async fn a_call_between_services_is_authorised_and_on_record() {
    let base = base().await;
    let (iam, sts, principals) = yakumo_iam::rooms(&base);
    let world = World::new(base, principals, Arc::new(NoOrganizations), vec![iam, sts, lister()]);
    let door = door_of(world);
    let client = |(id, secret): (String, String)| Client::new(door.address, &id, &secret, None);
    let both = client(user(&door.root, "both", BOTH).await.unwrap());
    let one = client(user(&door.root, "one", ONE).await.unwrap());
    let listed = both.sqs("ListQueues", serde_json::json!({})).await.unwrap();
    assert_eq!(listed["QueueUrls"], serde_json::json!(["both", "one"]));
    let entry = door.front.journal.newest(1).remove(0);
    let asked: Vec<_> = entry.decided.iter().map(|decided| decided.need.action.clone()).collect();
    assert_eq!(asked, ["sqs:ListQueues", "iam:ListUsers"]);
    let denied = one.sqs("ListQueues", serde_json::json!({})).await.unwrap_err();
    assert!(denied.message.contains("not authorized to perform: iam:ListUsers"), "{denied:?}");
    // The same right does not hold for a direct call: nobody called via a service.
    let direct = both.query("iam", V, "ListUsers", &[]).await.unwrap_err();
    assert_eq!(direct.status, 403);
}

#[tokio::test]
async fn background_work_acts_as_somebody_too() {
    let base = base().await;
    let (iam, sts, principals) = yakumo_iam::rooms(&base);
    let world = World::new(base, principals, Arc::new(NoOrganizations), vec![iam, sts]);
    let door = door_of(world.clone());
    let make = async |caller: Caller| {
        let input = CreateUserInput { user_name: "made".into(), ..CreateUserInput::default() };
        world.call(CreateUser, Arc::new(caller), Region::US_EAST_1, input).await
    };
    let service = Caller::service("sns.amazonaws.com", "arn:aws:sns:us-east-1:0:t", AccountId::DEFAULT);
    assert_eq!(make(service).await.unwrap_err().code, "AccessDenied");
    make(Caller::root(AccountId::DEFAULT)).await.unwrap();
    // Both are on record as clients' requests are, the denied one with its reasons.
    let kept = door.front.journal.newest(9);
    let shown: Vec<_> = kept.iter().map(|entry| (entry.operation, entry.status, entry.source_ip)).collect();
    assert_eq!(shown, [(Some("CreateUser"), 403, None), (Some("CreateUser"), 200, None)]);
    assert_eq!(kept[0].caller.as_ref().unwrap().principal.arn, "sns.amazonaws.com");
    assert_eq!(kept[0].error.as_ref().unwrap().0, "AccessDenied");
    assert!(!kept[0].decided[0].decision.allowed && kept[1].decided[0].decision.allowed);
    world.base.stop();
    assert!(make(Caller::root(AccountId::DEFAULT)).await.is_err(), "nobody enters a stopped world");
}

/// An organization in which every account but the management account has one SCP and one RCP.
struct Limits {
    management: AccountId,
    scp: &'static str,
    rcp: &'static str,
}

impl Organizations for Limits {
    fn place(&self, account: AccountId) -> Option<Arc<Place>> {
        let policy = |text: &str, kind| {
            let document = Arc::new(Document::parse(text, kind).map_err(Error::internal).ok()?);
            Some(Attached { id: "p-1".into(), holder: "ou-1".into(), document })
        };
        let full = r#"{"Version":"2012-10-17",
            "Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
        let limited = account != self.management;
        let (scps, rcps) = match limited {
            true => {
                let full = policy(full, PolicyKind::Resource { service: "sqs" })?;
                let rcp = policy(self.rcp, PolicyKind::Rcp)?;
                (vec![vec![policy(self.scp, PolicyKind::Scp)?]], vec![vec![full, rcp]])
            }
            false => (Vec::new(), Vec::new()),
        };
        let (organization, path) = ("o-1".to_owned(), "o-1/r-1/".to_owned());
        Some(Arc::new(Place { organization, management: self.management, path, scps, rcps, tags: None }))
    }
}

#[tokio::test]
async fn control_policies_bind_root_users_of_members_and_not_the_management_account() {
    let base = base().await;
    let limits = Limits {
        management: AccountId::DEFAULT,
        scp: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}"#,
        rcp: r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sqs:ListQueues",
            "Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-1"}}}]}"#,
    };
    let listing = Access::needs(["sqs:ListQueues"], |ctx: &Ctx, _: &ListQueuesInput| {
        Box::pin(async move { Ok(vec![Need::new("sqs:ListQueues", "*", ctx.account())]) })
    });
    let sqs =
        Room::new("sqs")
            .resource_control()
            .on(ListQueues, listing, async |_: Ctx, _: ListQueuesInput| Ok(ListQueuesOutput::default()));
    let (iam, sts, _) = yakumo_iam::rooms(&base);
    let door = door_of(World::new(base, Arc::new(Nobody), Arc::new(limits), vec![iam, sts, sqs]));
    let member = Client::new(door.address, "111122223333", "test", None);
    member.sqs("ListQueues", serde_json::json!({})).await.unwrap();
    door.root.query("iam", V, "ListUsers", &[]).await.unwrap();
    let denied = member.query("iam", V, "ListUsers", &[]).await.unwrap_err();
    assert!(denied.message.contains("because no service control policy allows"), "{denied:?}");
}

#[tokio::test]
async fn a_form_for_a_version_that_never_was_is_for_no_operation() {
    let base = base().await;
    let (iam, sts, principals) = yakumo_iam::rooms(&base);
    let door = door_of(World::new(base, principals, Arc::new(NoOrganizations), vec![iam, sts]));
    for version in ["2099-01-01", "latest", ""] {
        let failure = door.root.query("iam", version, "ListUsers", &[]).await.unwrap_err();
        assert_eq!((failure.status, failure.code.as_str()), (400, "InvalidAction"));
        assert_eq!(failure.message, format!("Could not find operation ListUsers for version {version}"));
    }
    door.root.query("iam", V, "ListUsers", &[]).await.unwrap();
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_name() {
    let base = base().await;
    let (iam, sts, principals) = yakumo_iam::rooms(&base);
    let door = door_of(World::new(base, principals, Arc::new(NoOrganizations), vec![iam, sts, lister()]));
    let form = ("iam", "application/x-www-form-urlencoded", "Action=ListUsers&Version=2010-05-08");
    for (service, kind, body) in [form, ("sqs", "application/x-amz-json-1.0", "{}")] {
        for (encoding, status) in [("gzip", 415), ("aws-chunked, deflate", 415), ("identity", 200)] {
            let mut request = http::Request::post("/").header("content-type", kind);
            if service == "sqs" {
                request = request.header("x-amz-target", "AmazonSQS.ListQueues");
            }
            let request = request.header("content-encoding", encoding);
            let reply = door.root.send(service, request, body.into()).await.unwrap();
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            assert_eq!(reply.status.as_u16(), status, "{service} {encoding}: {text}");
            assert_eq!(text.contains("AWS_DISABLE_REQUEST_COMPRESSION"), status == 415, "{text}");
        }
    }
}
