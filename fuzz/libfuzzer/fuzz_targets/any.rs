//! The target that `YAKUMO_FUZZ_TARGET` names, under libFuzzer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use yakumo_fuzz::Target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("YAKUMO_FUZZ_TARGET").expect("YAKUMO_FUZZ_TARGET names a target");
    yakumo_fuzz::target(&name).expect("the name is one of yakumo_fuzz::TARGETS")
});

fuzz_target!(|input: &[u8]| (TARGET.body)(input));
