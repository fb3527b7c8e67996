//! Bodies compared by structure: what JSON, XML and CBOR say, not how they say it.

use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value as Json, json};

/// An open element: name, attributes, text, children.
type Open = (String, Map<String, Json>, String, Vec<Json>);

/// XML as nested values: element name, attributes without namespaces, text, children in order.
pub fn xml(text: &str) -> Json {
    let mut reader = Reader::from_str(text.trim());
    reader.config_mut().expand_empty_elements = true;
    let mut open: Vec<Open> = vec![Default::default()];
    loop {
        match reader.read_event().expect(text) {
            Event::Start(start) => {
                let mut attributes = Map::new();
                for attribute in start.attributes() {
                    let attribute = attribute.unwrap();
                    let key = attribute.key.as_ref().to_owned();
                    if !key.starts_with("xmlns") {
                        attributes.insert(key, attribute.value.to_string().into());
                    }
                }
                open.push((start.local_name().as_ref().to_owned(), attributes, String::new(), vec![]));
            }
            Event::End(_) => {
                let (name, attributes, text, mut children) = open.pop().unwrap();
                // The entries of a map come in any order.
                if children
                    .iter()
                    .all(|child| child["children"].as_array().is_some_and(|pair| pair.len() == 2))
                {
                    children.sort_by_key(Json::to_string);
                }
                let text = if text.trim().is_empty() || !children.is_empty() { String::new() } else { text };
                let done =
                    json!({"name": name, "attributes": attributes, "text": text, "children": children});
                // The request's id differs and is told apart by its name.
                if !["requestId", "RequestId", "ResponseMetadata", "RequestID"].contains(&name.as_str()) {
                    open.last_mut().unwrap().3.push(done);
                }
            }
            Event::Text(text) => open.last_mut().unwrap().2.push_str(&text),
            Event::CData(text) => open.last_mut().unwrap().2.push_str(&text),
            Event::GeneralRef(name) => {
                let c = match name.resolve_char_ref().unwrap() {
                    Some(c) => c.to_string(),
                    None => quick_xml::escape::unescape(&format!("&{};", &*name)).unwrap().into_owned(),
                };
                open.last_mut().unwrap().2.push_str(&c);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    Json::Array(open.pop().unwrap().3)
}

/// CBOR as JSON values: byte strings as `{"bytes": […]}`, tags as `{"tag": n, "of": …}`; every number a double.
pub fn cbor(bytes: &[u8]) -> Json {
    let mut at = 0;
    let value = cbor_item(bytes, &mut at);
    assert_eq!(at, bytes.len());
    value
}

fn cbor_item(bytes: &[u8], at: &mut usize) -> Json {
    let first = bytes[*at];
    *at += 1;
    let (major, low) = (first >> 5, first & 31);
    let size = match low {
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => 0,
    };
    let raw = bytes[*at..*at + size].iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    *at += size;
    let argument = if low < 24 { u64::from(low) } else { raw };
    let endless = low == 31;
    let number = |value: f64| if value.is_finite() { json!(value) } else { json!(value.to_string()) };
    match major {
        0 => number(argument as f64),
        1 => number(-1.0 - argument as f64),
        2 | 3 => {
            let mut out = Vec::new();
            if endless {
                while bytes[*at] != 0xff {
                    match cbor_item(bytes, at) {
                        Json::String(text) => out.extend(text.into_bytes()),
                        chunk => out.extend(
                            chunk["bytes"].as_array().unwrap().iter().map(|b| b.as_u64().unwrap() as u8),
                        ),
                    }
                }
                *at += 1;
            } else {
                out.extend(&bytes[*at..*at + argument as usize]);
                *at += argument as usize;
            }
            if major == 3 { json!(String::from_utf8(out).unwrap()) } else { json!({ "bytes": out }) }
        }
        4 | 5 => {
            let (mut list, mut map, mut done) = (vec![], Map::new(), 0);
            while if endless { bytes[*at] != 0xff } else { done < argument } {
                done += 1;
                let item = cbor_item(bytes, at);
                if major == 4 {
                    list.push(item);
                } else {
                    map.insert(item.as_str().unwrap().to_owned(), cbor_item(bytes, at));
                }
            }
            *at += usize::from(endless);
            if major == 4 { Json::Array(list) } else { Json::Object(map) }
        }
        6 => json!({"tag": argument, "of": cbor_item(bytes, at)}),
        _ => match low {
            20 => json!(false),
            21 => json!(true),
            22 | 23 => Json::Null,
            25 => {
                let (exponent, mantissa) = ((raw >> 10 & 31) as i32, (raw & 1023) as f64);
                let sign = if raw >> 15 == 1 { -1.0 } else { 1.0 };
                number(match exponent {
                    31 if mantissa == 0.0 => sign * f64::INFINITY,
                    31 => f64::NAN,
                    0 => sign * mantissa * 2f64.powi(-24),
                    _ => sign * (mantissa + 1024.0) * 2f64.powi(exponent - 25),
                })
            }
            26 => number(f64::from(f32::from_bits(raw as u32))),
            _ => number(f64::from_bits(raw)),
        },
    }
}
