//! Step 3: who asks? The signature must be the owner's, now, over exactly this request.

use crate::address::{self, wire_head};
use crate::arrival::{self, Arrival};
use crate::front::Front;
use crate::known::shared;
use crate::reader::Reader;
use crate::record::{Trip, host};
use crate::signature::{self, Algorithm, BodyHash, Family, PayloadRule, Presented, Refusal, Rules, Verified};
use crate::unproved::Unproved;
use crate::{beside, hoisted, page};
use http::request::Parts;
use std::sync::Arc;
use yakumo_aws::{Error, Region, Result, Timestamp};
use yakumo_room::{
    Caller, Credentials, Proof, Signed, SignedIn, Use, World, host_now, static_root_credentials,
};
use yakumo_wire::router::{DIRECTORY_BUCKETS, rooted, signing_name};
use yakumo_wire::{Addressed, Head, Protocol};

/// What a request claims about its sender; nothing of it is verified.
pub struct Claim(Result<Option<Presented>, Refusal>);

/// Who asks, and for which region the request was signed.
pub struct Identity {
    /// The verified caller, or the anonymous one.
    pub caller: Arc<Caller>,
    /// The region of the credential scope.
    pub region: Region,
    /// What a body that streams in after the head must be held against.
    pub seal: Option<Seal>,
    /// The head as it is to be read, when a presigned URL has headers among its parameters.
    pub head: Option<Parts>,
}

/// A verified signature over a head whose body has yet to come.
pub struct Seal {
    /// What the request presents.
    pub presented: Presented,
    /// The key for chunk signatures, and what is declared of the body.
    pub verified: Verified,
    /// The words of its errors.
    pub family: Family,
}

/// Reads what the request claims. What is wrong with it is only said once the service is known, in its words.
pub fn claim(head: &Parts) -> Claim {
    Claim(signature::parse(head.into()))
}

impl Claim {
    /// Signing name and region of the credential scope.
    pub fn scope(&self) -> Option<(&str, &str)> {
        let presented = self.0.as_ref().ok()?.as_ref()?;
        Some((presented.service(), presented.region()))
    }
}

/// Why a claim was not verified.
enum Stop {
    /// It is not right.
    Refused(Refusal),
    /// It could not be looked into.
    Failed(Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refused(refusal)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        Stop::Failed(error)
    }
}

/// Verifies the claim, and notes why it is not believed.
///
/// # Errors
/// Whatever AWS answers in this family of services: see `signature`'s texts.
pub async fn identify(
    front: &Front,
    world: &World,
    head: &Parts,
    claim: Claim,
    addressed: &Addressed,
    body: &mut Reader<'_>,
    trip: &mut Trip,
) -> Result<Identity> {
    let family = family(addressed);
    served(trip, addressed, family)?;
    let presented = match claim.0 {
        Ok(Some(presented)) => presented,
        Ok(None) => match anonymous(world, addressed) {
            Ok(mut identity) => {
                identity.region = unnamed_region(world, head, addressed).await?;
                match arrival::region(trip, head).filter(|region| *region != identity.region) {
                    // What is asked for lies in another region than the one that was asked.
                    Some(_) if family == Family::S3 => return Err(elsewhere()),
                    Some(named) => identity.region = named,
                    None => {}
                }
                trip.caller = Some(identity.caller.clone());
                return Ok(identity);
            }
            Err(refusal) => return Err(refuse(world, trip, &refusal, None, None, family)),
        },
        Err(refusal) => return Err(refuse(world, trip, &refusal, None, None, family)),
    };
    let mut found = None;
    let (arrival, region) = (trip.peer().arrival.clone(), arrival::region(trip, head));
    let asked = Asked { head, addressed, arrival, region };
    let proof = prove(front, world, &asked, &presented, body, &mut found).await;
    let (region, verified, credentials) = proof.map_err(|stop| match stop {
        Stop::Failed(error) => error,
        Stop::Refused(refusal) => refuse(world, trip, &refusal, Some(&presented), found.as_ref(), family),
    })?;
    let what = Use { service: addressed.service.signing_name, region, at: world.base.clock.now() };
    world.principals.used(&credentials, what);
    trip.caller = Some(credentials.caller.clone());
    trip.access_key_id = Some(shared(&credentials.access_key_id));
    trip.region = Some(region);
    trip.signing_name = (presented.service() == DIRECTORY_BUCKETS).then_some(DIRECTORY_BUCKETS);
    trip.signed = Some(signed(&presented, head, family));
    let head = (family == Family::S3 && presented.is_presigned()).then(|| hoisted::head(head)).flatten();
    let seal = verified.filter(|_| addressed.streams());
    let seal = seal.map(|verified| Seal { presented, verified, family });
    Ok(Identity { caller: credentials.caller.clone(), region, seal, head })
}

/// What a room may know of a signature that was verified.
fn signed(presented: &Presented, head: &Parts, family: Family) -> Signed {
    let header = head.headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
    let is_old = presented.algorithm == Algorithm::V2;
    // AWS: of what a presigned URL carries nothing is signed, unless it says so.
    let payload = header.or(presented.is_presigned().then_some("UNSIGNED-PAYLOAD"));
    Signed {
        version: if is_old { "AWS" } else { presented.algorithm.as_str() },
        place: if presented.is_presigned() { SignedIn::Query } else { SignedIn::Header },
        at: (!is_old).then(|| Timestamp::from_secs(presented.signed_at_s)),
        payload: payload.filter(|_| family == Family::S3 && !is_old).map(shared),
    }
}

/// AWS: S3's words to who asks a region for a bucket of another one, and brings no signature that names it.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn elsewhere() -> Error {
    let text = "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all \
                future requests to this endpoint.";
    Error::sender("PermanentRedirect", text).with_status(301)
}

/// The error that the client gets; the journal keeps what the owner of the cloud may know beyond it.
fn refuse(
    world: &World,
    trip: &mut Trip,
    refusal: &Refusal,
    presented: Option<&Presented>,
    credentials: Option<&Arc<Credentials>>,
    family: Family,
) -> Error {
    let now = world.base.clock.now();
    trip.unproved = Some(Unproved::new(refusal, presented, credentials, is_static(presented), now));
    refusal.error(family)
}

/// What is asked for and where: the region is the one that a request must be signed for where it arrived.
struct Asked<'a> {
    head: &'a Parts,
    addressed: &'a Addressed,
    arrival: Arrival,
    region: Option<Region>,
}

/// Refuses what is not asked where the request arrived: S3 has an address of its own, and an endpoint leads to one service.
fn served(trip: &Trip, addressed: &Addressed, family: Family) -> Result<()> {
    let (arrival, given) = (&trip.peer().arrival, addressed.service.signing_name);
    match arrival.only() {
        _ if arrival.serves(given) => Ok(()),
        None => Err(address::unknown_service()),
        Some(expected) => {
            let (given, expected) = (given.to_owned(), expected.to_owned());
            Err(Refusal::WrongService { given, expected, presigned: false }.error(family))
        }
    }
}

/// Looks up whose key it is (into `found`, as soon as that is known) and verifies the signature.
async fn prove(
    front: &Front,
    world: &World,
    asked: &Asked<'_>,
    presented: &Presented,
    body: &mut Reader<'_>,
    found: &mut Option<Arc<Credentials>>,
) -> Result<(Region, Option<Verified>, Arc<Credentials>), Stop> {
    let Asked { head, addressed, .. } = *asked;
    let family = family(addressed);
    let is_old = presented.algorithm == Algorithm::V2;
    let region = match is_old {
        true => unnamed_region(world, head, addressed).await?,
        false => region(presented, addressed)?,
    };
    // A signature of Version 2 names no region.
    let expected = asked.region.filter(|_| !is_old && addressed.service.global_endpoint.is_empty());
    let service = expected_service(presented, addressed);
    signature::check_scope(presented, service, expected.map(|region| region.as_str()))?;
    let credentials = match session(world, addressed, presented).await? {
        None => credentials(front, world, head, presented, &asked.arrival).await?,
        session => session,
    };
    found.clone_from(&credentials);
    let credentials = credentials.ok_or_else(|| Refusal::unknown_access_key(presented))?;
    check_token(&credentials, presented)?;
    let rules = rules(addressed, family);
    if is_old {
        let resource = rooted(addressed.service, &wire_head(head, None), true);
        let secret = credentials.secret.expose();
        signature::verify_old(presented, head.into(), &resource, region, secret, host_now(), rules)?;
        check_alive(world, &credentials, presented)?;
        return Ok((region, None, credentials));
    }
    let streams = addressed.streams();
    let hash = if streams { BodyHash::Later } else { BodyHash::Known(body.hash().await?) };
    let secret = credentials.secret.expose();
    let keys = &front.signing_keys;
    let verified = signature::verify(presented, head.into(), secret, hash, host_now(), rules, keys)?;
    // Said after the signature, so that only its owner learns what became of a key.
    check_alive(world, &credentials, presented)?;
    Ok((region, Some(verified), credentials))
}

/// The region of a request that does not name one: where that lies which it is about.
async fn unnamed_region(world: &World, head: &Parts, addressed: &Addressed) -> Result<Region> {
    let asked = wire_head(head, None);
    let path = rooted(addressed.service, &asked, true);
    beside::region(world, addressed.service.name, Head { path: &path, ..asked }).await
}

/// Verifies what the fields of a form present, and notes why it is not believed.
///
/// # Errors
/// S3's words for what is wrong, and what the owner of the cloud may know beyond them.
pub async fn prove_form(
    front: &Front,
    world: &World,
    head: &Parts,
    arrival: &Arrival,
    proof: &Proof,
) -> Result<(Arc<Credentials>, Option<Region>), (Error, Option<Unproved>)> {
    let (mut presented, mut found) = (None, None);
    let outcome = form(front, world, head, arrival, proof, &mut presented, &mut found).await;
    outcome.map_err(|stop| match stop {
        Stop::Failed(error) => (error, None),
        Stop::Refused(refusal) => {
            let (presented, found) = (presented.as_ref(), found.as_ref());
            let now = world.base.clock.now();
            let unproved = Unproved::new(&refusal, presented, found, is_static(presented), now);
            (refusal.error(Family::S3), Some(unproved))
        }
    })
}

async fn form(
    front: &Front,
    world: &World,
    head: &Parts,
    arrival: &Arrival,
    proof: &Proof,
    presented: &mut Option<Presented>,
    found: &mut Option<Arc<Credentials>>,
) -> Result<(Arc<Credentials>, Option<Region>), Stop> {
    let presented = presented.insert(signature::of_form(proof)?);
    let is_old = presented.algorithm == Algorithm::V2;
    let region = match is_old {
        true => None,
        false => Some(signed_region(presented)?),
    };
    signature::check_scope(presented, "s3", None)?;
    found.clone_from(&credentials(front, world, head, presented, arrival).await?);
    let credentials = found.clone().ok_or_else(|| Refusal::unknown_access_key(presented))?;
    check_token(&credentials, presented)?;
    signature::verify_form(presented, &proof.message, credentials.secret.expose(), &front.signing_keys)?;
    check_alive(world, &credentials, presented)?;
    let at = world.base.clock.now();
    world
        .principals
        .used(&credentials, Use { service: "s3", region: region.unwrap_or(Region::US_EAST_1), at });
    Ok((credentials, region))
}

fn is_static(presented: Option<&Presented>) -> bool {
    presented.is_some_and(|presented| static_root_credentials(presented.access_key_id()).is_some())
}

fn anonymous(world: &World, addressed: &Addressed) -> Result<Identity, Refusal> {
    let room = world.room(addressed.service.name);
    if addressed.operation.auth == "none" || room.is_some_and(|room| room.allows_anonymous()) {
        return Ok(Identity {
            caller: Arc::new(Caller::anonymous()),
            region: Region::US_EAST_1,
            seal: None,
            head: None,
        });
    }
    Err(Refusal::MissingAuthentication)
}

/// The name that must have been signed for: the service's own, or the other one that stands for it.
fn expected_service<'a>(presented: &'a Presented, addressed: &Addressed) -> &'a str {
    let expected = addressed.service.signing_name;
    let stands_for_it = presented.algorithm != Algorithm::V2 && signing_name(presented.service()) == expected;
    if stands_for_it { presented.service() } else { expected }
}

/// Credentials that the room itself has given out.
async fn session(
    world: &World,
    addressed: &Addressed,
    presented: &Presented,
) -> Result<Option<Arc<Credentials>>> {
    let token = presented.session_token().filter(|_| presented.service() == DIRECTORY_BUCKETS);
    let door = world.room(addressed.service.name).and_then(|room| room.beside_door());
    match (door, token) {
        (Some(door), Some(token)) => {
            door.session(world, addressed.operation.name, presented.access_key_id(), token).await
        }
        _ => Ok(None),
    }
}

async fn credentials(
    front: &Front,
    world: &World,
    head: &Parts,
    presented: &Presented,
    arrival: &Arrival,
) -> Result<Option<Arc<Credentials>>> {
    let id = presented.access_key_id();
    // The owner's keys are none inside of a network, where anybody's program runs.
    if front.settings.static_root_keys
        && *arrival == Arrival::Main
        && let Some(root) = static_root_credentials(id)
    {
        if !page::is_foreign(head) {
            return Ok(Some(Arc::new(root)));
        }
        tracing::warn!(
            key = id,
            host = host(head),
            "a static root key is no key for a web page from elsewhere"
        );
    }
    if let Some(root) = front.settings.root_key.as_ref().filter(|root| root.access_key_id == id) {
        return Ok(Some(root.clone()));
    }
    world.principals.credentials(id).await
}

/// The session token must be the one that was given out with the key; a long-term key has none.
fn check_token(credentials: &Credentials, presented: &Presented) -> Result<(), Refusal> {
    let given = presented.session_token();
    match (&credentials.session_token, given) {
        (Some(token), Some(given)) if token == given => Ok(()),
        // A long-term key with a token: AWS looks at the token first, and there is none such.
        (None, None) => Ok(()),
        _ => Err(Refusal::invalid_token(presented)),
    }
}

fn check_alive(world: &World, credentials: &Credentials, presented: &Presented) -> Result<(), Refusal> {
    if !credentials.active {
        return Err(Refusal::unknown_access_key(presented));
    }
    match credentials.expires {
        Some(end) if end <= world.base.clock.now() => Err(Refusal::expired_token(presented)),
        _ => Ok(()),
    }
}

fn region(presented: &Presented, addressed: &Addressed) -> Result<Region, Refusal> {
    let region = signed_region(presented)?;
    Ok(if addressed.service.global_endpoint.is_empty() { region } else { Region::US_EAST_1 })
}

/// The region of the credential scope.
fn signed_region(presented: &Presented) -> Result<Region, Refusal> {
    let name = presented.region();
    // SigV4A has a set of regions instead; the first one that exists is where the request acts.
    let named =
        presented.region_set().and_then(|set| set.split(',').find_map(|one| Region::parse(one.trim())));
    let region = named.or_else(|| Region::parse(name));
    if let Some(region) = region {
        return Ok(region);
    }
    let expected = Region::US_EAST_1.as_str().to_owned();
    let presigned = presented.is_presigned();
    Err(Refusal::WrongRegion { given: name.to_owned(), expected, presigned })
}

fn family(addressed: &Addressed) -> Family {
    match addressed.protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::RpcV2Cbor => Family::Json,
        Protocol::AwsQuery => Family::Query,
        Protocol::Ec2Query => Family::Ec2,
        // S3, and S3 Control, which signs as S3 does.
        Protocol::RestXml if addressed.service.signing_name == "s3" => Family::S3,
        Protocol::RestXml | Protocol::RestJson1 => Family::Rest,
    }
}

fn rules(addressed: &Addressed, family: Family) -> Rules {
    let rules = Rules::of(family);
    let rules = if addressed.service.query_compatible { rules.once_query() } else { rules };
    match addressed.operation.auth {
        "v4-unsigned-body" => Rules { payload: PayloadRule::MayBeUnsigned, ..rules },
        _ => rules,
    }
}
