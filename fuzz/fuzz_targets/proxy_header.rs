#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| swiftiply::fuzzing::any_header::check(data));
