//! The fuzz targets, run briefly: random bytes and damaged good requests. What they find besides is the fuzzer's business.

use crate::targets;

/// Marsaglia's xorshift: the same bytes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

fn damage(random: &mut Random, seed: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..1 + random.below(4) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.next() as u8),
            2 if !bytes.is_empty() => bytes[at] = random.next() as u8,
            3 if !bytes.is_empty() => bytes[at] ^= 1 << random.below(8),
            _ => {
                let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
                let piece = bytes.get(from.min(to)..from.max(to)).unwrap_or_default().to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

fn check(target: fn(&[u8]) -> bool, seeds: &[&[u8]]) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for seed in seeds {
        assert!(target(seed), "a seed is good: {}", String::from_utf8_lossy(seed));
        for _ in 0..1_000 {
            let bytes = damage(&mut random, seed);
            target(&bytes);
        }
    }
    for _ in 0..500 {
        let bytes: Vec<u8> = (0..random.below(200)).map(|_| random.next() as u8).collect();
        target(&bytes);
    }
}

#[test]
fn json_survives() {
    let deep = format!(r#"{{"Text":"a","Document":{}1{}}}"#, "[".repeat(90), "]".repeat(90));
    check(targets::json, &[
        br#"{"Text":"a\u00e9\n","Number":1,"Long":2,"Real":"NaN","Flag":true,"Data":"AQI=","When":1.5,"Texts":["x"],"Map":{"k":"v"}}"#,
        br#"{"Text":"","Self":{"Text":"b","Things":[{"Text":"c"}]},"Document":{"a":[1,null,{"b":"c"}]},"Unknown":[[{}]]}"#,
        deep.as_bytes(),
    ]);
}

#[test]
fn query_survives() {
    check(targets::query, &[
        b"Text=a%20b&Number=1&Texts.member.1=x&Texts.member.10=y&Map.entry.1.key=k&Map.entry.1.value=v&F.1=z&Self.Text=t",
        b"Text=&Things.member.2.Text=b&Things.member.1.Text=a&FM.1.key=k&FM.1.value=v&Data=AQI%3D&When=2020-01-01T00:00:00Z",
    ]);
}

#[test]
fn ec2_survives() {
    check(
        targets::ec2,
        &[b"Text=a&Texts.1=x&Texts.2=y&Things.1.Text=t&Self.Self.Text=s&Self.Text=u&Flag=true&Real=1.5"],
    );
}

#[test]
fn rest_json_survives() {
    check(
        targets::rest_json,
        &[
            b"Mon, 16 Dec 2019 23:48:18 GMT\0{\"Text\":\"a\",\"Texts\":[\"b\"]}",
            b"1576540098\0{\"Text\":\"a\"}",
            b"{\"Text\":\"a\",\"Self\":{\"Text\":\"b\"}}",
        ],
    );
}

#[test]
fn rest_xml_survives() {
    check(targets::rest_xml, &[
        b"<Thing x:y=\"1\" xmlns:x=\"u\"><Text>a&amp;&#65;<![CDATA[<]]></Text><Texts><member>b</member></Texts><F>c</F><F>d</F></Thing>",
        b"<?xml version=\"1.0\"?><T><Text/><Map><entry><key>k</key><value>v</value></entry></Map><Self><Text>s</Text></Self></T>",
    ]);
}

#[test]
fn cbor_survives() {
    check(targets::cbor, &[
        b"\xbf\x64Text\x61a\x66Number\x01\x64Real\xfb\x3f\xf0\0\0\0\0\0\0\x64Data\x42\x01\x02\x64When\xc1\x01\x65Texts\x9f\x61b\xff\xff",
        b"\xa2\x64Text\x7f\x61a\x61b\xff\x63Map\xa1\x61k\x61v",
    ]);
}

#[test]
fn event_streams_survive() {
    use yakumo_wire::Bytes;
    use yakumo_wire::event_stream::{HeaderValue, Message};
    let headers = vec![(":message-type".to_owned(), HeaderValue::String("event".to_owned()))];
    let frame = Message { headers, payload: Bytes::from_static(b"{}") }.encode();
    check(targets::event_stream, &[&frame, &[frame.as_ref(), frame.as_ref()].concat()]);
}
