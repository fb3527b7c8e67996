//! The lines that every noun's record needs to be a `Record`, a `Resource` and a `Noun`: one macro, so that none of
//! them differs by accident. The record has the fields `id`, `home` and `tags`.

macro_rules! noun {
    (
        $record:ident, table: $table:literal, type: $type:literal, kind: $kind:literal, prefix: $prefix:literal,
        not_found: $not_found:literal, malformed: $malformed:literal, spoken: $spoken:literal,
        $(absent: $absent:expr,)?
        $(odd: $odd:expr,)?
        $(check: $check:expr,)?
        keys: $keys:expr $(,)?
    ) => {
        impl yakumo_room::Record for $record {
            const TABLE: &'static str = $table;
        }

        impl yakumo_room::Resource for $record {
            const TYPE: &'static str = $type;

            fn id(&self) -> Vec<&str> {
                vec![&self.id]
            }

            fn arn(&self) -> String {
                self.home.arn(<Self as $crate::nouns::Noun>::KIND, &self.id)
            }

            fn tags(&self) -> &$crate::tags::Tags {
                &self.tags
            }
        }

        impl $crate::nouns::Noun for $record {
            const KIND: &'static str = $kind;
            const PREFIX: &'static str = $prefix;
            const NOT_FOUND: &'static str = $not_found;
            const MALFORMED: &'static str = $malformed;
            const SPOKEN: &'static str = $spoken;

            fn id(&self) -> &str {
                &self.id
            }

            fn home(&self) -> $crate::nouns::Home {
                self.home
            }

            fn tags_mut(&mut self) -> &mut $crate::tags::Tags {
                &mut self.tags
            }

            $(fn not_found(id: &str) -> yakumo_aws::Error {
                let text: fn(&str) -> String = $absent;
                yakumo_aws::Error::sender($not_found, text(id))
            })?

            $(fn malformed(id: &str) -> yakumo_aws::Error {
                let text: fn(&str) -> String = $odd;
                yakumo_aws::Error::sender($malformed, text(id))
            })?

            $(fn check_tags(&self) -> yakumo_aws::Result<()> {
                let check: fn(&Self) -> yakumo_aws::Result<()> = $check;
                check(self)
            })?

            fn condition_keys(&self) -> $crate::nouns::Keys {
                let keys: fn(&Self) -> $crate::nouns::Keys = $keys;
                keys(self)
            }
        }
    };
}

pub(crate) use noun;
