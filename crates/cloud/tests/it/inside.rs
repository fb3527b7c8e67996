//! Connections from inside of the cloud's networks: what everybody's program there may do, and what not.

use crate::{asks, door_of, world};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Request;
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use tokio::sync::watch;
use yakumo_api_sqs::{ListQueues, ListQueuesInput, ListQueuesOutput};
use yakumo_aws::{Region, Result};
use yakumo_cloud::control::{CONTROL_HEADER, CloudControl};
use yakumo_front::limits::Limits;
use yakumo_front::tls::{Home, Tls};
use yakumo_front::{Arrival, Inside, Listener, Serves, Speaks};
use yakumo_policy::{Attached, Document, PolicyKind};
use yakumo_room::{Ctx, Endpoint, Endpoints, Room};
use yakumo_testkit::{Client, TestCloud, element};

fn socket() -> (TcpListener, SocketAddr) {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

fn inside(serves: Serves, endpoint: Option<&str>) -> Inside {
    let endpoint = endpoint.map(str::to_owned);
    Inside { serves, vpc: Some("vpc-1".into()), source: Some("eni-1".into()), endpoint }
}

#[tokio::test]
async fn inside_of_a_network_only_keys_of_iam_are_keys_and_nothing_tells_of_the_cloud() {
    let cloud = TestCloud::start().await.unwrap();
    cloud.cloud().set_control(CloudControl::open(cloud.cloud()).unwrap());
    let (rest, address) = socket();
    let everything = |_| inside(Serves::Except(&["s3", "dynamodb"]), None);
    let _rest = cloud.cloud().open_inlet(rest, Speaks::Plain, everything).unwrap();
    let (s3, s3_address) = socket();
    let storage = |_| inside(Serves::Only("s3".into()), None);
    let _s3 = cloud.cloud().open_inlet(s3, Speaks::Plain, storage).unwrap();

    let main = cloud.client("test", "test", None);
    main.iam("CreateUser", &[("UserName", "amy")]).await.unwrap();
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"}}}]}"#;
    let policy = [("UserName", "amy"), ("PolicyName", "p"), ("PolicyDocument", document)];
    main.iam("PutUserPolicy", &policy).await.unwrap();
    let key = main.iam("CreateAccessKey", &[("UserName", "amy")]).await.unwrap();
    let (id, secret) = (element(&key, "AccessKeyId").unwrap(), element(&key, "SecretAccessKey").unwrap());
    let amy = Client::new(address, &id, &secret, None);
    amy.sqs("ListQueues", json!({})).await.unwrap();

    for root in ["test", "000000000000", "123456789012"] {
        let root = Client::new(address, root, "test", None);
        let refused = root.sqs("ListQueues", json!({})).await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (403, "UnrecognizedClientException"));
        assert_eq!(refused.message, "The security token included in the request is invalid.");
        let refused = root.iam("ListUsers", &[]).await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (403, "InvalidClientTokenId"));
    }
    main.sqs("ListQueues", json!({})).await.unwrap();

    // Each address has its services.
    let failure = Client::new(s3_address, &id, &secret, None).sqs("ListQueues", json!({})).await.unwrap_err();
    assert_eq!((failure.status, failure.code.as_str()), (403, "InvalidSignatureException"), "{failure}");
    let listed = amy.send("s3", Request::get("/"), Bytes::new()).await.unwrap();
    assert_eq!(listed.status, 404);
    let listed =
        Client::new(s3_address, &id, &secret, None).send("s3", Request::get("/"), Bytes::new()).await;
    let listed = listed.unwrap();
    assert!(listed.status == 403 && String::from_utf8_lossy(&listed.body).contains("AccessDenied"));

    for (at, path) in [
        (address, "/_yakumo/health"),
        (address, "/_yakumo/requests"),
        (address, "/_localstack/health"),
        (address, "/metrics"),
        (s3_address, "/_yakumo/status"),
        (s3_address, "/metrics"),
    ] {
        let request = Request::get(path).header("host", "localhost").header(CONTROL_HEADER, "1");
        let answer = amy_at(at).send_signed(request.body(Bytes::new()).unwrap()).await.unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(
            answer.status.is_client_error() && !text.contains("queue"),
            "{path}: {} {text}",
            answer.status
        );
    }
    let health = Request::get("/_yakumo/health").header("host", "localhost").body(Bytes::new()).unwrap();
    assert_eq!(main.send_signed(health).await.unwrap().status, 200);

    let entries = cloud.cloud().front().journal.newest(100);
    let first = entries.iter().find(|entry| entry.origin.is_some()).unwrap();
    assert_eq!(first.origin.as_deref(), Some("eni-1 in vpc-1"));
}

fn amy_at(address: SocketAddr) -> Client {
    Client::new(address, "", "", None)
}

/// Endpoints of one VPC: `vpce-1` leads to SQS in us-east-1 and allows ListQueues to one account.
struct OneEndpoint;

impl Endpoints for OneEndpoint {
    fn endpoint<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Endpoint>>>> {
        let text = r#"{"Statement":[{"Effect":"Allow","Action":"sqs:ListQueues","Resource":"*",
            "Principal":{"AWS":"000000000000"}}]}"#;
        let document = Arc::new(Document::parse(text, PolicyKind::VpcEndpoint).unwrap());
        let endpoint = (id == "vpce-1").then(|| {
            Arc::new(Endpoint {
                id: id.to_owned(),
                vpc: "vpc-1".into(),
                region: Region::US_EAST_1,
                signing_name: "sqs".into(),
                policy: Attached { id: id.to_owned(), holder: id.to_owned(), document },
            })
        });
        Box::pin(std::future::ready(Ok(endpoint)))
    }
}

#[tokio::test]
async fn through_an_endpoint_its_policy_must_allow_and_its_facts_are_known() {
    let room = Room::new("sqs").endpoints(Arc::new(OneEndpoint)).on(
        ListQueues,
        asks(),
        async |ctx: Ctx, _: ListQueuesInput| {
            let through = ctx.facts().through.clone();
            let seen = through.map(|through| format!("{} {}", through.endpoint.id, through.address));
            Ok(ListQueuesOutput { queue_urls: Some(seen.into_iter().collect()), ..Default::default() })
        },
    );
    let (world, stop) = (world(room).await, watch::Sender::new(false));
    let base = door_of(world);
    let open = |endpoint: &'static str| {
        let (socket, address) = socket();
        let whence = move |_| Arrival::Inside(Arc::new(inside(Serves::Only("sqs".into()), Some(endpoint))));
        let tls = Arc::new(Tls::new(Home::Memory, None));
        let listener = Listener::adopt(socket, tls, Limits::default(), Speaks::Plain, whence).unwrap();
        let front = base.front.clone();
        let answer = move |request, peer| yakumo_front::answer(front.clone(), request, peer);
        tokio::spawn(listener.serve(answer, stop.subscribe()));
        address
    };
    // Root of either account: the static keys are none inside, so the cloud's generated key stands in.
    let key = |at, account| Client::new(at, account, "test", None);
    let (present, gone) = (open("vpce-1"), open("vpce-2"));
    let failure = key(gone, "generated").sqs("ListQueues", json!({})).await.unwrap_err();
    assert_eq!((failure.status, failure.code.as_str()), (503, "ServiceUnavailable"));
    let listed = key(present, "generated").sqs("ListQueues", json!({})).await.unwrap();
    assert_eq!(listed["QueueUrls"][0], "vpce-1 127.0.0.1");
    let failure = key(present, "stranger").sqs("ListQueues", json!({})).await.unwrap_err();
    assert_eq!((failure.status, failure.code.as_str()), (403, "AccessDeniedException"));
    let text = "User: arn:aws:iam::999999999999:root is not authorized to perform: sqs:ListQueues because no VPC \
                endpoint policy allows the sqs:ListQueues action";
    assert_eq!(failure.message, text);
    // Only its own region is asked through it.
    let failure =
        key(present, "generated").region("eu-west-1").sqs("ListQueues", json!({})).await.unwrap_err();
    assert_eq!((failure.status, failure.code.as_str()), (403, "InvalidSignatureException"), "{failure}");
    assert!(failure.message.contains("us-east-1") || failure.message.contains("valid region"), "{failure}");
}
