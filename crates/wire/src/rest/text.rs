//! A [`Decoder`] over texts: labels, query parameters and headers.

use crate::model::{Kind, TimeFormat};
use crate::shape::{Decoder, OnEntry, OnItem, OnMember};
use crate::walk::{Decoded, Malformed, Step, Walk};
use crate::{Document, Timestamp, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use std::borrow::Cow;

/// Where the texts come from.
pub(super) enum Texts<'t> {
    /// One label, or all values of one query parameter.
    Values(Vec<Cow<'t, str>>),
    /// A header; several of one name are joined with commas.
    Header(Cow<'t, str>),
    /// Headers with a common prefix, or all query parameters: name and values.
    Pairs(Vec<(String, Vec<Cow<'t, str>>)>),
}

pub(super) struct TextDecoder<'t, 'a, 'w> {
    pub texts: Texts<'t>,
    pub walk: &'w mut Walk<'a>,
}

impl TextDecoder<'_, '_, '_> {
    fn text(&self) -> &str {
        match &self.texts {
            // AWS: of a repeated parameter the last one counts.
            Texts::Values(values) => values.last().map_or("", |value| value.as_ref()),
            Texts::Header(value) => value.as_ref(),
            Texts::Pairs(_) => "",
        }
    }

    #[cold]
    fn wrong(&self) -> Malformed {
        Malformed::scalar(self.walk.member().map_or("", |member| member.wire), self.text())
    }

    fn parse<T: std::str::FromStr>(&self) -> Decoded<T> {
        self.text().trim().parse().map_err(|_| self.wrong())
    }

    fn items(&self, times: bool) -> Vec<String> {
        match &self.texts {
            Texts::Values(values) => values.iter().map(|value| value.to_string()).collect(),
            Texts::Header(value) if value.trim().is_empty() => Vec::new(),
            Texts::Header(value) => split_header(value, times),
            Texts::Pairs(_) => Vec::new(),
        }
    }
}

/// Splits at commas outside quotes; the commas inside HTTP dates do not count.
fn split_header(value: &str, dates: bool) -> Vec<String> {
    let (mut items, mut item, mut quoted, mut chars) = (Vec::new(), String::new(), false, value.chars());
    let mut commas = 0;
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted || item.trim().is_empty() => quoted = !quoted,
            '\\' if quoted => item.extend(chars.next()),
            ',' if !quoted && dates && commas % 2 == 0 => {
                commas += 1;
                item.push(c);
            }
            ',' if !quoted => {
                commas += 1;
                items.push(std::mem::take(&mut item).trim().to_owned());
            }
            _ => item.push(c),
        }
    }
    items.push(item.trim().to_owned());
    items
}

impl Decoder for TextDecoder<'_, '_, '_> {
    fn boolean(&mut self) -> Decoded<bool> {
        match self.text().trim() {
            text if text.eq_ignore_ascii_case("true") => Ok(true),
            text if text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(self.wrong()),
        }
    }

    fn integer(&mut self) -> Decoded<i32> {
        let number: i32 = self.parse()?;
        self.walk.check_number(number.into());
        Ok(number)
    }

    fn long(&mut self) -> Decoded<i64> {
        let number: i64 = self.parse()?;
        self.walk.check_number(number as f64);
        Ok(number)
    }

    fn double(&mut self) -> Decoded<f64> {
        let number: f64 = self.parse()?;
        self.walk.check_number(number);
        Ok(number)
    }

    fn string(&mut self) -> Decoded<String> {
        let mut text = self.text().to_owned();
        let header = matches!(self.texts, Texts::Header(_));
        if header && self.walk.member().is_some_and(|member| member.json_value()) {
            let bytes = STANDARD.decode(text.trim()).map_err(|_| self.wrong())?;
            text = String::from_utf8(bytes).map_err(|_| self.wrong())?;
        }
        self.walk.check_text(&text);
        Ok(text)
    }

    fn blob(&mut self) -> Decoded<Bytes> {
        let bytes = STANDARD.decode(self.text().trim()).map_err(|_| self.wrong())?;
        Ok(Bytes::from(bytes))
    }

    fn timestamp(&mut self) -> Decoded<Timestamp> {
        time::parse(self.text()).ok_or_else(|| self.wrong())
    }

    fn document(&mut self) -> Decoded<Document> {
        serde_json::from_str(self.text()).map_err(|_| self.wrong())
    }

    fn structure(&mut self, _on_member: OnMember<'_>) -> Decoded<()> {
        Err(self.wrong())
    }

    fn list(&mut self, on_item: OnItem<'_>) -> Decoded<()> {
        let (here, shape) = (self.walk.at, self.walk.shape());
        let element = self.walk.service.shape(shape.element);
        let format = element.time.or(self.walk.member().and_then(|member| member.time));
        let dates =
            element.kind == Kind::Timestamp && format.is_none_or(|format| format == TimeFormat::HttpDate);
        let violations = self.walk.violations.len();
        let items = self.items(dates);
        for (index, item) in items.iter().enumerate() {
            self.walk.step(Step::Item(index), shape.element);
            let texts = Texts::Values(vec![Cow::Borrowed(item)]);
            on_item(&mut TextDecoder { texts, walk: &mut *self.walk })?;
            self.walk.back(here);
        }
        self.walk.check_size(items.len(), violations, || format!("[{}]", items.join(", ")));
        Ok(())
    }

    fn map(&mut self, on_entry: OnEntry<'_>) -> Decoded<()> {
        let Texts::Pairs(pairs) = std::mem::replace(&mut self.texts, Texts::Values(Vec::new())) else {
            return Err(self.wrong());
        };
        let (here, element, length) = (self.walk.at, self.walk.shape().element, pairs.len());
        let violations = self.walk.violations.len();
        for (key, values) in pairs {
            self.walk.check_key(&key);
            self.walk.step(Step::Key(Cow::Owned(key.clone())), element);
            on_entry(key, &mut TextDecoder { texts: Texts::Values(values), walk: &mut *self.walk })?;
            self.walk.back(here);
        }
        self.walk.check_size(length, violations, String::new);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::split_header;

    #[test]
    fn header_lists_are_split() {
        let check =
            |text, dates, expected: &[&str]| assert_eq!(split_header(text, dates), expected, "{text}");
        check("a, b,c", false, &["a", "b", "c"]);
        check("\"b,c\", \"\\\"def\\\"\", a", false, &["b,c", "\"def\"", "a"]);
        check(
            "Mon, 16 Dec 2019 23:48:18 GMT, Tue, 17 Dec 2019 23:48:18 GMT",
            true,
            &["Mon, 16 Dec 2019 23:48:18 GMT", "Tue, 17 Dec 2019 23:48:18 GMT"],
        );
    }
}
