#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| promptassay_fuzz::lock_file(data));
