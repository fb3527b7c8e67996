//! Where a connection arrived: at the cloud's own address, or at one of AWS's inside of its networks.
//!
//! Invariant: who comes from inside of a network has the rights that it has in AWS and no others: no static root key, no
//! control API, and through a VPC endpoint only what the endpoint leads to.

use crate::address::host_region;
use crate::record::{Trip, host};
use http::request::Parts;
use std::sync::Arc;
use yakumo_aws::{Error, Fault, Region, Result};
use yakumo_room::{Through, World};

/// Where a connection arrived.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Arrival {
    /// At the address that the cloud listens on for its owner.
    #[default]
    Main,
    /// At an address of AWS in the cloud's networks.
    Inside(Arc<Inside>),
}

/// What is known of a connection that came from inside of the cloud's networks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inside {
    /// The services that are asked where it arrived.
    pub serves: Serves,
    /// The VPC that it came from, when its source address tells.
    pub vpc: Option<String>,
    /// The network interface or NAT gateway that it came from, when its source address tells.
    pub source: Option<String>,
    /// The VPC endpoint that it came through.
    pub endpoint: Option<String>,
}

/// The services behind an address, by their names in signatures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Serves {
    /// This one.
    Only(String),
    /// All but these, which have addresses of their own.
    Except(&'static [&'static str]),
}

impl Serves {
    fn has(&self, signing_name: &str) -> bool {
        match self {
            Serves::Only(name) => name == signing_name,
            Serves::Except(names) => !names.contains(&signing_name),
        }
    }
}

impl Arrival {
    /// What is known of a connection from inside.
    pub fn inside(&self) -> Option<&Inside> {
        match self {
            Arrival::Main => None,
            Arrival::Inside(inside) => Some(inside),
        }
    }

    /// Whether a service is asked where this arrived.
    pub fn serves(&self, signing_name: &str) -> bool {
        self.inside().is_none_or(|inside| inside.serves.has(signing_name))
    }

    /// The service that is asked there and no other one.
    pub fn only(&self) -> Option<&str> {
        match &self.inside()?.serves {
            Serves::Only(name) => Some(name),
            Serves::Except(_) => None,
        }
    }
}

impl Inside {
    /// For people: the interface and its VPC, and the endpoint.
    pub fn words(&self) -> String {
        let mut words = self.source.clone().unwrap_or_else(|| "nobody that is known".to_owned());
        if let Some(vpc) = &self.vpc {
            words = format!("{words} in {vpc}");
        }
        match &self.endpoint {
            Some(endpoint) => format!("{words}, through {endpoint}"),
            None => words,
        }
    }
}

/// Finds the endpoint that the request came through; a connection may live longer than its endpoint.
///
/// # Errors
/// 503 when the endpoint is gone.
pub async fn through(world: &World, trip: &mut Trip) -> Result<()> {
    let Some(id) = trip.peer().arrival.inside().and_then(|inside| inside.endpoint.clone()) else {
        return Ok(());
    };
    let found = match world.endpoints() {
        Some(endpoints) => endpoints.endpoint(&id).await?,
        None => None,
    };
    let endpoint = found.ok_or_else(|| gone(&id))?;
    trip.through = Some(Arc::new(Through { endpoint, address: trip.peer().remote.ip() }));
    Ok(())
}

fn gone(id: &str) -> Error {
    let text = format!("The VPC endpoint {id} is not available.");
    Error::sender("ServiceUnavailable", text).with_status(503).with_fault(Fault::Receiver)
}

/// The region that a request from inside must be signed for: its endpoint's, or that of AWS's name for the host.
pub fn region(trip: &Trip, head: &Parts) -> Option<Region> {
    trip.peer().arrival.inside()?;
    let of = |through: &Arc<Through>| through.endpoint.region;
    trip.through.as_ref().map(of).or_else(|| host_region(host(head)))
}

#[cfg(test)]
mod tests {
    use super::{Arrival, Inside, Serves};
    use std::sync::Arc;

    #[test]
    fn each_address_serves_its_own_services() {
        let at =
            |serves| Arrival::Inside(Arc::new(Inside { serves, vpc: None, source: None, endpoint: None }));
        let (s3, rest) = (at(Serves::Only("s3".into())), at(Serves::Except(&["s3", "dynamodb"])));
        assert!(s3.serves("s3") && !s3.serves("sqs") && s3.only() == Some("s3"));
        assert!(rest.serves("sqs") && !rest.serves("s3") && rest.only().is_none());
        assert!(Arrival::Main.serves("s3") && Arrival::Main.serves("sqs"));
    }

    #[test]
    fn where_it_came_from_is_said_as_far_as_it_is_known() {
        let mut inside = Inside {
            serves: Serves::Except(&[]),
            vpc: Some("vpc-1".into()),
            source: Some("eni-1".into()),
            endpoint: None,
        };
        assert_eq!(inside.words(), "eni-1 in vpc-1");
        inside.endpoint = Some("vpce-1".into());
        assert_eq!(inside.words(), "eni-1 in vpc-1, through vpce-1");
    }
}
