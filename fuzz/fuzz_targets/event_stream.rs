#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::frames::event_stream(bytes));
