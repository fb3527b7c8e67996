//! Messages of the domain name system: a question in, an answer out.
//!
//! Invariant: any bytes are taken; what cannot be a question gets no answer, and no answer is larger than the asker takes.
//! Sources: RFC 1035; RFC 6891 (EDNS); RFC 8482 (questions for anything).

use super::Found;
use domain::base::iana::{Class, Opcode, OptRcode, Rcode};
use domain::base::message_builder::{AdditionalBuilder, StaticCompressor};
use domain::base::name::ToName;
use domain::base::{Message, MessageBuilder, Name, Rtype, Ttl};
use domain::rdata::{A, Aaaa, Ptr};
use std::net::IpAddr;

/// How long an answer may be kept, in seconds.
const TTL_S: u32 = 60;
/// What is sent in a datagram to whoever does not say that he takes more.
const DATAGRAM_BYTES: u16 = 512;
/// What is sent in a datagram to whoever takes it: it fits into one packet of any network (DNS Flag Day 2020).
const DATAGRAM_BYTES_MAX: u16 = 1232;

type Builder = MessageBuilder<StaticCompressor<Vec<u8>>>;

/// By what a question came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    /// A datagram: the answer is cut, and says so, when it is too large for one.
    Udp,
    /// A connection.
    Tcp,
}

/// How large what we say of datagrams ourselves is: the pseudo-record of RFC 6891, section 6.1.2.
const OPT_BYTES: u16 = 11;

/// Answers a message. `find` gets a name in lower case without a dot at its end; `None` is a name that does not exist.
/// `None` when there is nothing to answer to: no message, or itself an answer.
pub fn answer(bytes: &[u8], by: Transport, find: impl Fn(&str) -> Option<Found>) -> Option<Vec<u8>> {
    let message = Message::from_octets(bytes).ok()?;
    if message.header().qr() {
        return None;
    }
    let reply = Reply::to(&message, by);
    if message.header().opcode() != Opcode::QUERY {
        return reply.refuse(OptRcode::NOTIMP);
    }
    if message.opt().is_some_and(|opt| opt.version() != 0) {
        return reply.refuse(OptRcode::BADVERS);
    }
    let Ok(question) = message.sole_question() else { return reply.refuse(OptRcode::FORMERR) };
    if question.qclass() != Class::IN || matches!(question.qtype(), Rtype::AXFR | Rtype::IXFR) {
        return reply.refuse(OptRcode::REFUSED);
    }
    let name = question.qname().to_string().to_ascii_lowercase();
    reply.answer(question.qname(), question.qtype(), find(name.trim_end_matches('.')))
}

/// A message that answers another one.
struct Reply<'a> {
    asked: &'a Message<&'a [u8]>,
    builder: Builder,
    limit: u16,
    edns: bool,
}

impl<'a> Reply<'a> {
    fn to(asked: &'a Message<&'a [u8]>, by: Transport) -> Reply<'a> {
        let opt = asked.opt();
        let datagram = opt
            .as_ref()
            .map_or(DATAGRAM_BYTES, |opt| opt.udp_payload_size().clamp(DATAGRAM_BYTES, DATAGRAM_BYTES_MAX));
        let limit = if by == Transport::Udp { datagram } else { u16::MAX };
        let builder = Builder::from_target(StaticCompressor::new(Vec::new()));
        // A vector takes everything up to the limit.
        let mut builder = builder.unwrap_or_else(|never| match never {});
        builder.set_push_limit((limit - OPT_BYTES).into());
        Reply { asked, builder, limit, edns: opt.is_some() }
    }

    /// Without the question, which may be what is wrong.
    fn refuse(mut self, rcode: OptRcode) -> Option<Vec<u8>> {
        let asked = self.asked.header();
        let header = self.builder.header_mut();
        header.set_id(asked.id());
        header.set_qr(true);
        header.set_opcode(asked.opcode());
        header.set_rd(asked.rd());
        header.set_rcode(rcode.rcode());
        finish(self.builder.additional(), self.limit, self.edns, rcode)
    }

    fn answer(self, owner: impl ToName + Copy, kind: Rtype, found: Option<Found>) -> Option<Vec<u8>> {
        let rcode = if found.is_some() { Rcode::NOERROR } else { Rcode::NXDOMAIN };
        let mut answer = self.builder.start_answer(self.asked, rcode).ok()?;
        answer.header_mut().set_ra(true);
        let (class, ttl) = (Class::IN, Ttl::from_secs(TTL_S));
        let wanted = |of| kind == of || kind == Rtype::ANY;
        let addresses = match &found {
            Some(Found::Addresses(addresses)) => addresses.as_slice(),
            Some(Found::Name(_)) | None => &[],
        };
        let mut whole = true;
        for address in addresses {
            whole &= match address {
                IpAddr::V4(v4) if wanted(Rtype::A) => answer.push((owner, class, ttl, A::new(*v4))).is_ok(),
                IpAddr::V6(v6) if wanted(Rtype::AAAA) => {
                    answer.push((owner, class, ttl, Aaaa::new(*v6))).is_ok()
                }
                _ => true,
            };
        }
        if let Some(Found::Name(name)) = found.filter(|_| wanted(Rtype::PTR)) {
            let name: Name<Vec<u8>> = name.parse().ok()?;
            whole = answer.push((owner, class, ttl, Ptr::new(name))).is_ok();
        }
        answer.header_mut().set_tc(!whole);
        finish(answer.additional(), self.limit, self.edns, OptRcode::from_rcode(rcode))
    }
}

/// Says in the end what datagrams we take, to whoever said it.
fn finish(
    mut end: AdditionalBuilder<StaticCompressor<Vec<u8>>>,
    limit: u16,
    edns: bool,
    rcode: OptRcode,
) -> Option<Vec<u8>> {
    if edns {
        end.set_push_limit(limit.into());
        end.opt(|opt| {
            opt.set_udp_payload_size(DATAGRAM_BYTES_MAX);
            opt.set_rcode(rcode);
            Ok(())
        })
        .ok()?;
    }
    Some(end.finish().into_target())
}

#[cfg(test)]
mod tests {
    use super::{Transport, answer};
    use crate::dns::Found;
    use domain::base::iana::{Class, Opcode, Rcode};
    use domain::base::{Message, MessageBuilder, Name, Rtype};
    use domain::rdata::{A, Ptr};

    fn question(name: &str, kind: Rtype, class: Class, payload: Option<u16>) -> Vec<u8> {
        let name: Name<Vec<u8>> = name.parse().unwrap();
        let mut builder = MessageBuilder::new_vec().question();
        builder.header_mut().set_id(7);
        builder.header_mut().set_rd(true);
        builder.push((name, kind, class)).unwrap();
        let mut builder = builder.additional();
        if let Some(payload) = payload {
            builder
                .opt(|opt| {
                    opt.set_udp_payload_size(payload);
                    Ok(())
                })
                .unwrap();
        }
        builder.finish()
    }

    fn zone(name: &str) -> Option<Found> {
        let many = |count: u8| (0..count).map(|n| std::net::IpAddr::from([10, 0, 0, n])).collect();
        match name {
            "one.test" => {
                Some(Found::Addresses(vec!["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()]))
            }
            "many.test" => Some(Found::Addresses(many(50))),
            "more.test" => Some(Found::Addresses(many(250))),
            "1.0.0.10.in-addr.arpa" => Some(Found::Name("one.test".into())),
            _ => None,
        }
    }

    fn asked(bytes: &[u8], by: Transport) -> (Rcode, usize, bool, usize) {
        let bytes = answer(bytes, by, zone).unwrap();
        let message = Message::from_octets(bytes.as_slice()).unwrap();
        let header = message.header();
        assert!(header.qr() && header.id() == 7 && header.rd());
        (header.rcode(), message.header_counts().ancount().into(), header.tc(), bytes.len())
    }

    #[test]
    fn names_are_answered_by_kind() {
        let udp = |name: &str, kind| {
            let (rcode, count, cut, _) = asked(&question(name, kind, Class::IN, None), Transport::Udp);
            assert!(!cut);
            (rcode, count)
        };
        assert_eq!(udp("one.test", Rtype::A), (Rcode::NOERROR, 1));
        assert_eq!(udp("ONE.test", Rtype::AAAA), (Rcode::NOERROR, 1));
        assert_eq!(udp("one.test", Rtype::ANY), (Rcode::NOERROR, 2));
        assert_eq!(udp("one.test", Rtype::MX), (Rcode::NOERROR, 0));
        assert_eq!(udp("two.test", Rtype::A), (Rcode::NXDOMAIN, 0));
        assert_eq!(udp("1.0.0.10.in-addr.arpa", Rtype::PTR), (Rcode::NOERROR, 1));
        assert_eq!(udp(".", Rtype::A), (Rcode::NXDOMAIN, 0));
    }

    #[test]
    fn answers_say_what_was_found() {
        let bytes = answer(&question("one.test", Rtype::A, Class::IN, None), Transport::Udp, zone).unwrap();
        let message = Message::from_octets(bytes).unwrap();
        let found: Vec<_> = message.answer().unwrap().limit_to::<A>().flatten().collect();
        assert_eq!(found[0].data().addr().to_string(), "10.0.0.1");
        let asked = question("1.0.0.10.in-addr.arpa", Rtype::PTR, Class::IN, None);
        let message = Message::from_octets(answer(&asked, Transport::Udp, zone).unwrap()).unwrap();
        let found: Vec<_> = message.answer().unwrap().limit_to::<Ptr<_>>().flatten().collect();
        assert_eq!(found[0].data().ptrdname().to_string(), "one.test");
    }

    #[test]
    fn what_is_too_large_is_cut_in_datagrams_only() {
        let ask = |name: &str, payload, by| asked(&question(name, Rtype::A, Class::IN, payload), by);
        let (_, count, cut, length) = ask("many.test", None, Transport::Udp);
        assert!(cut && length <= 512 && count < 50);
        let (_, count, cut, length) = ask("many.test", Some(1232), Transport::Udp);
        assert!(!cut && count == 50 && length <= 1232);
        let (_, _, cut, length) = ask("more.test", Some(65_535), Transport::Udp);
        assert!(cut && length <= 1232);
        let (_, count, cut, _) = ask("more.test", Some(512), Transport::Tcp);
        assert!(!cut && count == 250);
    }

    #[test]
    fn what_is_not_asked_properly_is_refused() {
        let rcode = |bytes: &[u8]| asked(bytes, Transport::Udp).0;
        assert_eq!(rcode(&question("one.test", Rtype::A, Class::CH, None)), Rcode::REFUSED);
        assert_eq!(rcode(&question("one.test", Rtype::AXFR, Class::IN, None)), Rcode::REFUSED);
        let fine = question("one.test", Rtype::A, Class::IN, None);
        let with = |at: usize, byte: u8| {
            let mut bytes = fine.clone();
            bytes[at] = byte;
            bytes
        };
        assert_eq!(rcode(&with(5, 0)), Rcode::FORMERR);
        assert_eq!(rcode(&with(5, 2)), Rcode::FORMERR);
        assert_eq!(rcode(&with(2, 0x29)), Rcode::NOTIMP);
        assert_eq!(rcode(&fine[..20]), Rcode::FORMERR);
        // A pointer to itself.
        assert_eq!(rcode(&[&fine[..12], &[0xc0, 12, 0, 1, 0, 1]].concat()), Rcode::FORMERR);
        for nothing in [&fine[..11], &[], &with(2, 0x81)] {
            assert_eq!(answer(nothing, Transport::Udp, zone), None);
        }
        let mut header = Message::from_octets(with(2, 0x29)).unwrap().header();
        header.set_qr(true);
        assert_eq!(header.opcode(), Opcode::UPDATE);
    }
}
