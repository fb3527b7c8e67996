//! The pipeline around rooms that misbehave: what a room does wrong must not reach a client as anything but an error.

#![allow(clippy::unwrap_used, reason = "a test may fail with a panic")]

mod between;
mod fsck;
mod inside;
mod intruders;
mod reference;
mod streaming;

use futures_util::future::BoxFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use yakumo_api_sqs::{ListQueues, ListQueuesInput, ListQueuesOutput};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_front::limits::Limits;
use yakumo_front::listen::{Config, Listener};
use yakumo_front::{Front, Settings};
use yakumo_room::{
    Access, Base, Caller, Clock, Credentials, Ctx, Ids, Need, NoOrganizations, Principals, Room, Secret, Use,
    World, root_credentials,
};
use yakumo_store::Store;
use yakumo_testkit::Client;
use yakumo_wire::router::Router;

struct Nobody;

impl Principals for Nobody {
    fn credentials<'a>(&'a self, access_key_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Credentials>>>> {
        // Keys that are not static: of the roots of two accounts.
        let account = match access_key_id {
            "generated" => AccountId::parse("000000000000"),
            "stranger" => AccountId::parse("999999999999"),
            _ => None,
        };
        let root = |account| Arc::new(root_credentials(account, access_key_id, Secret::new("test")));
        Box::pin(std::future::ready(Ok(account.map(root))))
    }

    fn caller<'a>(&'a self, _arn: &'a str) -> BoxFuture<'a, Result<Option<Arc<Caller>>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn unique_id<'a>(&'a self, _arn: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn used(&self, _credentials: &Credentials, _what: Use) {}
}

/// A cloud with one room, and its root user.
struct Door {
    front: Arc<Front>,
    root: Client,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

async fn world(room: Room) -> Arc<World> {
    let store = Store::open(yakumo_store::Config::memory()).await.unwrap();
    let base = Base::new(store, Clock::default(), Ids::new(None));
    World::new(base, Arc::new(Nobody), Arc::new(NoOrganizations), vec![room])
}

async fn door(room: Room) -> Door {
    door_of(world(room).await)
}

fn door_of(world: Arc<World>) -> Door {
    let router: &'static Router = Box::leak(Box::new(Router::new(yakumo_models::services())));
    let settings = Settings {
        static_root_keys: true,
        root_key: None,
        body_bytes_max: 1 << 20,
        bodies_bytes_max: 1 << 21,
    };
    let front = Front::new(world, router, settings);
    let addr = SocketAddr::from(([127, 0, 0, 1], 0));
    let listener =
        Listener::bind(Config { addr, socket: None, tls: None, limits: Limits::default() }).unwrap();
    let address = listener.local_addr();
    let (stop, stopping) = watch::channel(false);
    let inside = front.clone();
    tokio::spawn(
        listener.serve(move |request, peer| yakumo_front::answer(inside.clone(), request, peer), stopping),
    );
    Door { front, root: Client::new(address, "000000000000", "test", None), address, _stop: stop }
}

fn listing(ctx: &Ctx) -> Need {
    Need::new("sqs:ListQueues", "*", ctx.account())
}

fn asks() -> Access<ListQueuesInput> {
    Access::needs(["sqs:ListQueues"], |ctx, _| Box::pin(async move { Ok(vec![listing(ctx)]) }))
}

async fn list(door: &Door) -> Result<serde_json::Value, yakumo_testkit::Failure> {
    door.root.sqs("ListQueues", serde_json::json!({})).await
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_next_request_is_served() {
    static FIRST: AtomicBool = AtomicBool::new(true);
    let room = Room::new("sqs").on(ListQueues, asks(), async |_: Ctx, _: ListQueuesInput| {
        assert!(!FIRST.swap(false, Ordering::SeqCst), "the first request meets a mistake");
        Ok(ListQueuesOutput::default())
    });
    let door = door(room).await;
    let failure = list(&door).await.unwrap_err();
    assert_eq!((failure.status, failure.code.as_str()), (500, "InternalFailure"));
    assert!(!failure.message.contains("mistake"), "the client is not told of the inside");
    list(&door).await.unwrap();
    assert_eq!(door.front.journal.newest(9).iter().map(|entry| entry.status).collect::<Vec<_>>(), [500, 200]);
}

#[tokio::test]
async fn a_panic_before_the_handler_is_a_500_too() {
    let rule = Access::needs(["sqs:ListQueues"], |_: &Ctx, _: &ListQueuesInput| {
        Box::pin(async { panic!("a mistake in a rule") })
    });
    let room = Room::new("sqs")
        .on(ListQueues, rule, async |_: Ctx, _: ListQueuesInput| Ok(ListQueuesOutput::default()));
    let door = door(room).await;
    let failure = list(&door).await.unwrap_err();
    assert_eq!((failure.status, failure.code.as_str()), (500, "InternalFailure"));
    assert!(!failure.message.contains("mistake"), "the client is not told of the inside");
    assert_eq!(door.front.journal.newest(9)[0].status, 500);
}

#[tokio::test]
async fn a_handler_that_must_ask_and_does_not_gives_nothing_away() {
    let silent = Room::new("sqs").on(
        ListQueues,
        Access::inside(["sqs:ListQueues"], "a test"),
        async |_: Ctx, _: ListQueuesInput| Ok(ListQueuesOutput::default()),
    );
    assert_eq!(list(&door(silent).await).await.unwrap_err().status, 500);
    let asking = Room::new("sqs").on(
        ListQueues,
        Access::inside(["sqs:ListQueues"], "a test"),
        async |ctx: Ctx, _: ListQueuesInput| {
            ctx.authorize(listing(&ctx))?;
            Ok(ListQueuesOutput::default())
        },
    );
    list(&door(asking).await).await.unwrap();
}

#[tokio::test]
async fn an_access_rule_asks_for_nothing_but_what_it_declares() {
    let rule = |declared: &'static str| {
        Access::needs([declared], |ctx, _: &ListQueuesInput| Box::pin(async { Ok(vec![listing(ctx)]) }))
    };
    let room = |declared| {
        let answer = async |_: Ctx, _: ListQueuesInput| Ok(ListQueuesOutput::default());
        door(Room::new("sqs").on(ListQueues, rule(declared), answer))
    };
    assert_eq!(list(&room("sqs:GetQueueUrl").await).await.unwrap_err().status, 500);
    list(&room("sqs:listqueues").await).await.unwrap();
}

#[tokio::test]
async fn an_access_rule_that_contradicts_aws_is_found_by_every_test() {
    let rule = Access::needs(["sqs:ListQueues"], |ctx, _: &ListQueuesInput| {
        let need = listing(ctx).with_key("sqs:Colour", vec!["green".into()]);
        Box::pin(async { Ok(vec![need]) })
    });
    let room = Room::new("sqs")
        .on(ListQueues, rule, async |_: Ctx, _: ListQueuesInput| Ok(ListQueuesOutput::default()));
    let answer = list(&door(room).await).await;
    // A release does not look: what it would find was found before.
    assert_eq!(answer.is_err(), cfg!(debug_assertions));
    let told = answer.err().map(|failure| (failure.status, failure.message.contains("sqs:Colour")));
    assert!(told.is_none_or(|told| told == (500, true)));
}

#[tokio::test]
async fn an_access_rule_that_names_nothing_allows_nothing() {
    let rule =
        Access::needs(["sqs:ListQueues"], |_: &Ctx, _: &ListQueuesInput| Box::pin(async { Ok(vec![]) }));
    let room = Room::new("sqs")
        .on(ListQueues, rule, async |_: Ctx, _: ListQueuesInput| Ok(ListQueuesOutput::default()));
    assert_eq!(list(&door(room).await).await.unwrap_err().status, 500);
}

#[tokio::test]
async fn a_handler_runs_to_its_end_when_its_client_goes_away() {
    let (seen, mut outcome) = watch::channel("nothing");
    let seen = Arc::new(seen);
    let room = Room::new("sqs").on(ListQueues, asks(), move |ctx: Ctx, _: ListQueuesInput| {
        let seen = seen.clone();
        async move {
            seen.send_replace("waiting");
            ctx.gone().await;
            seen.send_replace("told");
            Err::<ListQueuesOutput, _>(Error::sender("Gone", "the client has gone"))
        }
    });
    let door = door(room).await;
    // A runtime of its own, so that the client goes away with its connection.
    let client = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let root = door.root.clone();
    client.spawn(async move { root.sqs("ListQueues", serde_json::json!({})).await });
    outcome.wait_for(|state| *state == "waiting").await.unwrap();
    client.shutdown_background();
    let told = outcome.wait_for(|state| *state == "told");
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap().unwrap();
    // It is remembered although nobody heard its answer: nobody acts unseen by hanging up.
    door.front.journal.wait_after(0).await;
    let entry = door.front.journal.newest(1).remove(0);
    assert_eq!((entry.status, entry.operation, entry.decided.len()), (499, Some("ListQueues"), 1));
}

#[tokio::test]
async fn requests_wait_while_the_world_is_replaced() {
    let room = || {
        Room::new("sqs").on(ListQueues, asks(), async |ctx: Ctx, _: ListQueuesInput| {
            ctx.base().stopped().await;
            Ok(ListQueuesOutput::default())
        })
    };
    let answering = Room::new("sqs").on(ListQueues, asks(), async |_: Ctx, _: ListQueuesInput| {
        Ok(ListQueuesOutput { queue_urls: Some(vec!["new".into()]), ..Default::default() })
    });
    let door = door(room()).await;
    let old = door.front.world();
    let root = door.root.clone();
    let early = tokio::spawn(async move { root.sqs("ListQueues", serde_json::json!({})).await });
    while old.visitors() == 0 {
        tokio::task::yield_now().await;
    }
    old.base.stop();
    old.emptied().await;
    assert_eq!(early.await.unwrap().unwrap(), serde_json::json!({}));
    let root = door.root.clone();
    let late = tokio::spawn(async move { root.sqs("ListQueues", serde_json::json!({})).await });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!late.is_finished(), "nobody enters a stopped world");
    door.front.replace_world(world(answering).await);
    assert_eq!(late.await.unwrap().unwrap()["QueueUrls"][0], "new");
    assert_eq!(door.address.ip().to_string(), "127.0.0.1");
}

#[tokio::test]
async fn bodies_share_what_they_may_hold_and_all_come_through() {
    let room = Room::new("sqs")
        .on(ListQueues, asks(), async |_: Ctx, _: ListQueuesInput| Ok(ListQueuesOutput::default()));
    let door = door(room).await;
    // Six bodies of 600 KiB where 2 MiB are the most: they wait for each other.
    let prefix = "x".repeat(600 * 1024);
    let all = (0..6).map(|_| door.root.sqs("ListQueues", serde_json::json!({ "QueueNamePrefix": prefix })));
    for answer in futures_util::future::join_all(all).await {
        answer.unwrap();
    }
    let too_long = "x".repeat((1 << 20) + 1);
    let refused =
        door.root.sqs("ListQueues", serde_json::json!({ "QueueNamePrefix": too_long })).await.unwrap_err();
    assert_eq!(refused.status, 413);
}

#[tokio::test]
async fn two_hosts_are_one_too_many() {
    let room = Room::new("sqs")
        .on(ListQueues, asks(), async |_: Ctx, _: ListQueuesInput| Ok(ListQueuesOutput::default()));
    let door = door(room).await;
    let send = async |hosts: usize| {
        let mut request = http::Request::post("/").header("x-amz-target", "AmazonSQS.ListQueues");
        for _ in 0..hosts {
            request = request.header("host", door.address.to_string());
        }
        let reply = door.root.send_signed(request.body("{}".into()).unwrap()).await.unwrap();
        (reply.status.as_u16(), String::from_utf8_lossy(&reply.body).contains("more than one Host"))
    };
    assert_eq!(send(1).await, (403, false));
    assert_eq!(send(2).await, (400, true));
}

#[tokio::test]
async fn a_seed_is_for_loopback_only() {
    let config = |bind: &str| yakumo_cloud::Config {
        bind: bind.parse().unwrap(),
        port: 0,
        seed: Some(7),
        ..yakumo_cloud::Config::default()
    };
    let refused = yakumo_cloud::Cloud::start(config("0.0.0.0")).await;
    assert!(matches!(refused, Err(yakumo_cloud::StartError::SeedBeyondLoopback(_))));
    yakumo_cloud::Cloud::start(config("127.0.0.1")).await.unwrap().stop().await;
}

#[tokio::test]
async fn the_generated_root_key_outlives_a_reset() {
    let directory = std::env::temp_dir().join(format!("yakumo-root-key-{}", std::process::id()));
    let config = || yakumo_cloud::Config {
        bind: "0.0.0.0".parse().unwrap(),
        port: 0,
        location: yakumo_cloud::Location::Directory(directory.join("store")),
        ..yakumo_cloud::Config::default()
    };
    let cloud = yakumo_cloud::Cloud::start(config()).await.unwrap();
    let key = cloud.root_key().unwrap().access_key_id.clone();
    cloud.reset().await.unwrap();
    cloud.stop().await;
    let again = yakumo_cloud::Cloud::start(config()).await.unwrap();
    assert_eq!(again.root_key().unwrap().access_key_id, key);
    again.stop().await;
    std::fs::remove_dir_all(directory).unwrap();
}
