//! `/_yakumo/network`: what stands, interfaces made live by hand, and packets followed through it.

use super::answer::Answer;
use super::input;
use crate::{Cloud, kept};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use yakumo_net::NetworkError;
use yakumo_net::trace::{Flow, Query, Source};

/// A sender's port, where the question names none: one of those that clients take.
const CLIENT_PORT: u16 = 49_152;

/// The networks of a cloud.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NetworkAnswer {
    /// Whether packets obey.
    pub enforced: bool,
    /// Why they do not.
    pub why: Option<String>,
    /// The cloud's public IPv4 addresses.
    pub ipv4: String,
    /// The cloud's public IPv6 addresses.
    pub ipv6: String,
    /// Its network interfaces.
    pub interfaces: Vec<InterfaceLine>,
}

/// A network interface.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InterfaceLine {
    /// `eni-…`.
    pub id: String,
    /// Its VPC.
    pub vpc: String,
    /// Its subnet.
    pub subnet: String,
    /// Its private addresses of both families.
    pub addresses: Vec<IpAddr>,
    /// Its namespace; `None` when nothing runs there.
    pub namespace: Option<String>,
}

/// An interface that was made live.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LiveAnswer {
    /// The namespace that it stands in on the host: its own, or that of its instance's first interface.
    pub namespace: String,
    /// The process in whose mounts the namespace has that name; `None` when it is the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<u32>,
    /// Its link there: `eth0` unless it is one more interface of an instance.
    #[serde(default)]
    pub link: String,
    /// Its private addresses of both families.
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
    /// What the `/etc/resolv.conf` there says.
    #[serde(default)]
    pub resolv_conf: String,
}

/// Where the Internet of a cloud is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InternetAnswer {
    /// The process whose network it is; `None` when it is the host's.
    pub holder: Option<u32>,
}

/// A question: does this connection come about?
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TraceQuestion {
    /// An interface, or an address of the Internet.
    pub source: String,
    /// An address, or an interface for its primary one.
    pub destination: String,
    /// `tcp`, `udp` or `icmp` (an echo request).
    pub protocol: String,
    /// The receiver's port, for `tcp` and `udp`.
    pub port: Option<u16>,
    /// The sender's port, which ACLs see in answers.
    pub source_port: Option<u16>,
}

pub(crate) fn answer(cloud: &Cloud) -> Answer {
    let network = cloud.network();
    let (topology, ranges) = (network.topology(), network.ranges());
    let enforced = network.not_enforced().is_none();
    let interfaces = topology.interfaces.iter().map(|(id, interface)| InterfaceLine {
        id: id.clone(),
        vpc: topology.vpc_of(interface).unwrap_or_default().to_owned(),
        subnet: interface.subnet.clone(),
        addresses: interface.all_addresses().collect(),
        namespace: (interface.live && enforced).then(|| network.namespace(id)),
    });
    Answer::json(&NetworkAnswer {
        enforced,
        why: network.not_enforced().map(str::to_owned),
        ipv4: ranges.v4.to_string(),
        ipv6: ranges.v6.to_string(),
        interfaces: interfaces.collect(),
    })
}

/// The wanted state, of the whole cloud or of the VPC that the query names.
pub(crate) fn topology(cloud: &Cloud, query: &str) -> Result<Answer, Answer> {
    let [vpc] = input::texts(query, ["vpc"])?;
    let topology = cloud.network().topology();
    let Some(vpc) = vpc else { return Ok(Answer::json(&*topology)) };
    let around = topology.around(&vpc).ok_or_else(|| Answer::not_found(format!("there is no VPC {vpc}")))?;
    Ok(Answer::json(&around))
}

/// Makes an interface live and keeps it so, over restarts too.
pub(crate) async fn plug(cloud: &Cloud, id: &str, body: &[u8]) -> Result<Answer, Answer> {
    input::nothing(body)?;
    let network = cloud.network();
    if let Some(why) = network.not_enforced() {
        return Err(Answer::conflict(format!("networks are not enforced here: {why}")));
    }
    match network.plug(id).await {
        Ok(true) => {}
        Ok(false) => return Err(Answer::not_found(format!("there is no network interface {id}"))),
        Err(error) => return Err(failed(&error)),
    }
    kept::keep_plugs(cloud.store(), network.plugs()).await.map_err(|error| Answer::failed(&error))?;
    network.attended(id).await;
    let holder = network.holder().await.map_err(|error| failed(&error))?;
    let topology = network.topology();
    let own = topology.interfaces.get(id);
    Ok(Answer::json(&LiveAnswer {
        namespace: network.namespace(id),
        holder,
        link: topology.seat(id).link(),
        addresses: own.map(|own| own.all_addresses().collect()).unwrap_or_default(),
        resolv_conf: network.resolv_conf(id),
    }))
}

/// Takes back that an interface was made live.
pub(crate) async fn unplug(cloud: &Cloud, id: &str, body: &[u8]) -> Result<Answer, Answer> {
    input::nothing(body)?;
    let network = cloud.network();
    let outcome = network.unplug(id).await;
    // It is not wanted any more, whatever the kernel says.
    kept::keep_plugs(cloud.store(), network.plugs()).await.map_err(|error| Answer::failed(&error))?;
    match outcome {
        Ok(true) => Ok(Answer::done()),
        Ok(false) => Err(Answer::not_found(format!("nothing was plugged into {id}"))),
        Err(error) => Err(failed(&error)),
    }
}

/// Tells where public addresses of the cloud are reached from.
pub(crate) async fn internet(cloud: &Cloud, body: &[u8]) -> Result<Answer, Answer> {
    input::nothing(body)?;
    let network = cloud.network();
    if let Some(why) = network.not_enforced() {
        return Err(Answer::conflict(format!("networks are not enforced here: {why}")));
    }
    let holder = network.holder().await.map_err(|error| failed(&error))?;
    Ok(Answer::json(&InternetAnswer { holder }))
}

/// Removes all networks from the host. What is wanted comes back with the next change or start.
pub(crate) async fn clean(cloud: &Cloud, body: &[u8]) -> Result<Answer, Answer> {
    input::nothing(body)?;
    cloud.network().clean().await.map_err(|error| failed(&error))?;
    Ok(Answer::done())
}

fn failed(error: &NetworkError) -> Answer {
    Answer::failed(error)
}

pub(crate) fn trace(cloud: &Cloud, body: &[u8]) -> Result<Answer, Answer> {
    let question: TraceQuestion = input::json(body)?;
    let network = cloud.network();
    let topology = network.topology();
    let source = match question.source.parse() {
        Ok(address) => Source::Internet(address),
        Err(_) => Source::Interface { id: question.source.clone(), address: None },
    };
    let named = || topology.interfaces.get(&question.destination)?.all_addresses().next();
    let destination: IpAddr = question.destination.parse().ok().or_else(named).ok_or_else(|| {
        Answer::bad_request(format!("`{}` is no address and no network interface", question.destination))
    })?;
    let from = question.source_port.unwrap_or(CLIENT_PORT);
    let flow = match (question.protocol.as_str(), question.port) {
        ("tcp", Some(to)) => Flow::Tcp { from, to },
        ("udp", Some(to)) => Flow::Udp { from, to },
        ("icmp", None) => Flow::echo(destination),
        ("tcp" | "udp", None) => return Err(Answer::bad_request("tcp and udp need a port")),
        ("icmp", Some(_)) => return Err(Answer::bad_request("icmp has no port")),
        _ => return Err(Answer::bad_request("protocol is tcp, udp or icmp")),
    };
    let trace = network.trace(&Query { source, destination, flow });
    trace.map(|trace| Answer::json(&trace)).map_err(|error| Answer::bad_request(error.to_string()))
}
