//! `/audio/*`: a quarter of a second of sound, and what was "heard" in an upload: its size.

use actix_web::web::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::request::{Answer, Refusal, Request};
use super::text;

/// What OpenAI's `pcm` is: 24 kHz, 16 bits, one channel, little-endian.
const RATE: u32 = 24_000;
/// A quarter of a second.
const SAMPLES: u32 = RATE / 4;
/// The header of an MPEG-1 layer III frame (128 kbit/s, 44.1 kHz, mono); zeros behind it are silence.
const MP3_HEADER: [u8; 4] = [0xff, 0xfb, 0x90, 0xc4];
/// 144 * 128000 / 44100 bytes a frame, rounded down.
const MP3_FRAME: usize = 417;
/// Some 26 ms each.
const MP3_FRAMES: usize = 10;
/// Pieces of a stream of speech.
const PIECE: usize = 4096;

pub(super) fn speech(request: &Request) -> Result<Answer, Refusal> {
    let input = request.text("input");
    if input.is_empty() {
        return Err(Refusal::param("input", "'input' must be a text."));
    }
    // What it cannot encode (opus, aac, flac) comes as WAV, and says so.
    let (content_type, body) = match request.text("response_format") {
        "" | "mp3" => ("audio/mpeg", mp3()),
        "pcm" => ("audio/pcm", pcm()),
        _ => ("audio/wav", wav()),
    };
    if request.text("stream_format") != "sse" {
        return Ok(Answer::Bytes { content_type, body: Bytes::from(body) });
    }
    let mut events: Vec<_> = body
        .chunks(PIECE)
        .map(|piece| text::event(&json!({"type": "speech.audio.delta", "audio": STANDARD.encode(piece)})))
        .collect();
    events.push(text::event(&json!({"type": "speech.audio.done", "usage": usage(text::tokens(input), 1)})));
    Ok(Answer::Events(events))
}

/// A transcription or a translation; `task` is what `verbose_json` calls it.
pub(super) fn heard(request: &Request, task: &str) -> Result<Answer, Refusal> {
    let Some(upload) = request.uploads.first() else {
        return Err(Refusal::param("file", "'file' must be an upload."));
    };
    let said = format!("This is the demo. It received {} bytes.", upload.bytes);
    let usage = usage(1 + upload.bytes / 1024, text::tokens(&said));
    if request.is("stream") {
        let mut events: Vec<_> = text::pieces(&said)
            .into_iter()
            .map(|piece| text::event(&json!({"type": "transcript.text.delta", "delta": piece})))
            .collect();
        events.push(text::event(&json!({"type": "transcript.text.done", "text": said, "usage": usage})));
        return Ok(Answer::Events(events));
    }
    let plain = |content_type, body: String| Answer::Bytes { content_type, body: Bytes::from(body) };
    Ok(match request.text("response_format") {
        "text" => plain("text/plain; charset=utf-8", format!("{said}\n")),
        "srt" => plain("text/plain; charset=utf-8", format!("1\n00:00:00,000 --> 00:00:01,000\n{said}\n\n")),
        "vtt" => plain("text/plain; charset=utf-8", format!("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n{said}\n\n")),
        "verbose_json" => Answer::Json(json!({
            "task": task, "language": "english", "duration": 1.0, "text": said, "words": [],
            "segments": [{
                "id": 0, "seek": 0, "start": 0.0, "end": 1.0, "text": said, "tokens": [], "temperature": 0.0,
                "avg_logprob": 0.0, "compression_ratio": 1.0, "no_speech_prob": 0.0,
            }],
            "usage": {"type": "duration", "seconds": 1},
        })),
        _ => Answer::Json(json!({"text": said, "usage": usage})),
    })
}

fn usage(input: u64, output: u64) -> Value {
    json!({
        "type": "tokens", "input_tokens": input, "output_tokens": output, "total_tokens": input + output,
        "input_token_details": {"text_tokens": 0, "audio_tokens": input},
    })
}

/// A square wave of 400 Hz, soft.
fn pcm() -> Vec<u8> {
    let sample = |at: u32| {
        if (at / 30).is_multiple_of(2) { 2000_i16 } else { -2000 }
    };
    (0..SAMPLES).flat_map(|at| sample(at).to_le_bytes()).collect()
}

/// RIFF/WAVE, format 1 (PCM).
fn wav() -> Vec<u8> {
    let data = pcm();
    let mut wav = Vec::with_capacity(44 + data.len());
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + 2 * SAMPLES).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16_u32.to_le_bytes());
    for number in [1_u16, 1] {
        wav.extend_from_slice(&number.to_le_bytes());
    }
    for number in [RATE, 2 * RATE] {
        wav.extend_from_slice(&number.to_le_bytes());
    }
    for number in [2_u16, 16] {
        wav.extend_from_slice(&number.to_le_bytes());
    }
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&(2 * SAMPLES).to_le_bytes());
    wav.extend_from_slice(&data);
    wav
}

fn mp3() -> Vec<u8> {
    let mut frame = vec![0; MP3_FRAME];
    frame.splice(..MP3_HEADER.len(), MP3_HEADER);
    frame.repeat(MP3_FRAMES)
}
