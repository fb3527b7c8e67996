//! Every target takes its seeds and some thousand mutations of them. `YAKUMO_FUZZ_INPUTS` says how many.

use std::panic::{AssertUnwindSafe, catch_unwind};
use yakumo_fuzz::{Mutator, TARGETS, Target};

const INPUTS: u64 = 3_000;

fn feed(target: &Target, input: &[u8]) {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.body)(input)));
    assert!(outcome.is_ok(), "{} panics on b\"{}\"", target.name, input.escape_ascii());
}

fn check(name: &str) {
    let inputs =
        std::env::var("YAKUMO_FUZZ_INPUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(INPUTS);
    let target = yakumo_fuzz::target(name).expect("checks! names targets");
    target.seeds.iter().for_each(|seed| feed(target, seed));
    let mut mutator = Mutator::new(1);
    for _ in 0..inputs {
        feed(target, &mutator.input(target.seeds));
    }
}

macro_rules! checks {
    ($($test:ident $name:literal,)*) => {
        $(#[test] fn $test() { check($name); })*

        #[test]
        fn no_target_is_left_out() {
            let checked = [$($name),*];
            assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), checked);
        }
    };
}

checks! {
    router "router",
    json "json",
    query "query",
    ec2_query "ec2-query",
    rest_json "rest-json",
    rest_xml "rest-xml",
    cbor "cbor",
    signature "signature",
    chunked "chunked",
    policy "policy",
    dns "dns",
    ntp "ntp",
    user_data "user-data",
}
