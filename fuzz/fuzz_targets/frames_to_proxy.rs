#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| swiftiply_fuzz::frames_to_proxy::check(data));
