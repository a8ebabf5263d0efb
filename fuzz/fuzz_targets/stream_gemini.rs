#![no_main]

use dialects::Wire;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::stream::judge(Wire::Gemini, bytes));
