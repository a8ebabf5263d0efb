#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use std::io::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::*;

const MIB: u64 = 1024 * 1024;
const HELLO: &[u8] = br#"{"model":"m","messages":[{"role":"user","content":"hello hello hello"}]}"#;
/// [`HELLO`] as node's zlib writes it, and as libzstd does: known size, with a checksum, as a stream, with a window of
/// 128 MiB, which HTTP does not allow.
const BROTLI: &str = "G0cAcJwHdgyZBlpYwOneapE9tq3VJtc6LF19U6TsDRxyInBsSQJxzMEGHEbeuCw8SQ0yvCx/qCwiPLjEdw==";
const ZSTD: [&str; 3] = [
    "KLUv/SBIQQIAeyJtb2RlbCI6Im0iLCJtZXNzYWdlcyI6W3sicm9sZSI6InVzZXIiLCJjb250ZW50IjoiaGVsbG8gaGVsbG8gaGVsbG8ifV19",
    "KLUv/SRIQQIAeyJtb2RlbCI6Im0iLCJtZXNzYWdlcyI6W3sicm9sZSI6InVzZXIiLCJjb250ZW50IjoiaGVsbG8gaGVsbG8gaGVsbG8ifV190Zc2JQ==",
    "KLUv/QRYQQIAeyJtb2RlbCI6Im0iLCJtZXNzYWdlcyI6W3sicm9sZSI6InVzZXIiLCJjb250ZW50IjoiaGVsbG8gaGVsbG8gaGVsbG8ifV190Zc2JQ==",
];
const ZSTD_WIDE: &str = "KLUv/QCI1QEA0kMMEbDrp10/Eca2NPakoIEmmHMCbzwDzTwymqkzpcXB69uMfuqyE+j9IbtPDk5G540muwEAGaNAAQ==";
/// 8 MiB of the letter a.
const BROTLI_BOMB: &str = "m///f/glwuKxQCD3/g8=";

fn plain(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut coder = GzEncoder::new(Vec::new(), Compression::default());
    coder.write_all(body).unwrap();
    coder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut coder = ZlibEncoder::new(Vec::new(), Compression::default());
    coder.write_all(body).unwrap();
    coder.finish().unwrap()
}

fn raw(body: &[u8]) -> Vec<u8> {
    let mut coder = DeflateEncoder::new(Vec::new(), Compression::default());
    coder.write_all(body).unwrap();
    coder.finish().unwrap()
}

fn zstd(body: &[u8]) -> Vec<u8> {
    compress_to_vec(body, CompressionLevel::Fastest)
}

async fn within(coding: Coding, body: &[u8], piece: usize, limit: u64, budget: u64) -> Result<Vec<u8>, BodyError> {
    let decoder = Decoder::new(coding, limit);
    let mut decoding = Decoding {
        decoder,
        out: Vec::new(),
        limit,
        budget,
        share: Share::none(),
        spent: Duration::ZERO,
        worked: Worked::default(),
    };
    for piece in body.chunks(piece) {
        decoding.push(piece).await?;
    }
    let (bytes, share) = decoding.end()?;
    assert!(
        share.bytes() >= bytes.len() as u64 && share.bytes() <= 2 * bytes.len() as u64 + 64,
        "{} of {}",
        share.bytes(),
        bytes.len()
    );
    Ok(bytes.to_vec())
}

async fn read(coding: Coding, body: &[u8], piece: usize) -> Result<Vec<u8>, BodyError> {
    within(coding, body, piece, 32 * MIB, u64::MAX).await
}

/// Every coding's writers, over one body.
fn all(body: &[u8]) -> Vec<(Coding, Vec<u8>)> {
    vec![
        (Coding::Gzip, gzip(body)),
        (Coding::Deflate, zlib(body)),
        (Coding::Deflate, raw(body)),
        (Coding::Zstd, zstd(body)),
    ]
}

fn noise(length: usize) -> Vec<u8> {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut byte = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 32) as u8
    };
    (0..length).map(|nth| if nth % 3 == 0 { byte() } else { b'a' }).collect()
}

#[tokio::test]
async fn what_was_coded_is_read_however_it_is_cut() {
    for length in [0, 1, 100, 9_000, 300_000] {
        let body = noise(length);
        for (coding, coded) in all(&body) {
            for piece in [1, 7, 16 * 1024 + 1] {
                if piece > 10 || length <= 9_000 {
                    assert!(read(coding, &coded, piece).await.unwrap() == body, "{coding:?} {length} by {piece}");
                }
            }
        }
    }
    for piece in [1, 5, 1000] {
        assert_eq!(read(Coding::Brotli, &plain(BROTLI), piece).await.unwrap(), HELLO);
        for text in ZSTD {
            assert_eq!(read(Coding::Zstd, &plain(text), piece).await.unwrap(), HELLO);
        }
    }
}

#[tokio::test]
async fn several_members_and_frames_are_one_body() {
    let two = [gzip(b"ab"), gzip(b"cd")].concat();
    assert_eq!(read(Coding::Gzip, &two, 3).await.unwrap(), b"abcd");
    let skippable = [&0x184D_2A53_u32.to_le_bytes()[..], &5_u32.to_le_bytes(), b"12345"].concat();
    let three = [zstd(b"ab"), skippable, plain(ZSTD[1])].concat();
    assert_eq!(read(Coding::Zstd, &three, 3).await.unwrap(), [b"ab", HELLO].concat());
    for piece in [1, 30, 1000] {
        let padded = [&two[..], &[0; 100]].concat();
        assert_eq!(read(Coding::Gzip, &padded, piece).await.unwrap(), b"abcd", "padded with zeros");
        assert!(read(Coding::Gzip, &[&padded[..], b"x"].concat(), piece).await.is_err());
        assert!(read(Coding::Gzip, &[&padded[..], &gzip(b"ef")].concat(), piece).await.is_err());
    }
    // With a name, a comment, extra data and a sum over the header.
    let bare = gzip(HELLO);
    let extra = [&[4, 0][..], b"xxxxname\0comment\0ss"].concat();
    let full = [&[0x1f, 0x8b, 8, 4 | 8 | 16 | 2], &bare[4..10], &extra, &bare[10..]].concat();
    for piece in [1, 9, 1000] {
        assert_eq!(read(Coding::Gzip, &full, piece).await.unwrap(), HELLO);
    }
}

#[tokio::test]
async fn what_is_cut_or_damaged_or_more_is_no_body() {
    let mut coded = all(&noise(5000));
    coded.push((Coding::Brotli, plain(BROTLI)));
    coded.push((Coding::Zstd, plain(ZSTD[1])));
    for (coding, body) in coded {
        for cut in [0, 1, 5, body.len() / 2, body.len() - 1] {
            let cut = read(coding, &body[..cut], 100).await;
            assert_eq!(cut, Err(BodyError::Undecodable), "{coding:?}");
        }
        let more = read(coding, &[&body[..], b"xyz"].concat(), 100).await;
        assert_eq!(more, Err(BodyError::Undecodable), "{coding:?}");
        assert_eq!(read(coding, HELLO, 100).await, Err(BodyError::Undecodable), "{coding:?}");
    }
    // What has a checksum is held to it.
    for (coding, mut body) in
        [(Coding::Gzip, gzip(HELLO)), (Coding::Deflate, zlib(HELLO)), (Coding::Zstd, plain(ZSTD[1]))]
    {
        let last = body.len() - 1;
        body[last] ^= 1;
        assert_eq!(read(coding, &body, 100).await, Err(BodyError::Undecodable), "{coding:?}");
    }
    assert_eq!(read(Coding::Zstd, &plain(ZSTD_WIDE), 100).await, Err(BodyError::Undecodable));
}

#[tokio::test]
async fn no_bytes_of_any_kind_are_a_panic() {
    let mut coded = all(&noise(500));
    coded.push((Coding::Brotli, plain(BROTLI)));
    for (coding, body) in coded {
        for at in (0..body.len()).step_by(body.len() / 60 + 1) {
            for flip in [1, 0x80, 0xff] {
                let mut body = body.clone();
                body[at] ^= flip;
                let _ = within(coding, &body, 50, MIB, u64::MAX).await;
            }
        }
    }
}

#[tokio::test]
async fn a_bomb_is_too_large_as_soon_as_it_is_and_costs_no_more_than_its_limit() {
    let zeros = vec![0; 8 << 20];
    let mut bombs = all(&zeros);
    bombs.push((Coding::Brotli, plain(BROTLI_BOMB)));
    for (coding, bomb) in bombs {
        assert!(bomb.len() < 64 * 1024, "{coding:?}: {}", bomb.len());
        assert_eq!(within(coding, &bomb, 1000, MIB, u64::MAX).await, Err(BodyError::TooLarge), "{coding:?}");
        // All bodies together have no room for it.
        let held = actors::share::held();
        assert_eq!(within(coding, &bomb, 1000, 32 * MIB, held + 2 * MIB).await, Err(BodyError::NoRoom), "{coding:?}");
    }
    // One that says so is not even begun: one segment of 4 GiB.
    let told = [&MAGIC[..], &[0xa0], &u32::MAX.to_le_bytes(), &[1, 0, 0]].concat();
    assert_eq!(read(Coding::Zstd, &told, 100).await, Err(BodyError::TooLarge));
}

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

#[tokio::test]
async fn others_have_their_turn_between_pieces_of_one_byte() {
    for (coding, body) in all(&noise(300_000)) {
        let pieces = body.chunks(1).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect::<Vec<_>>();
        let stream: actix_http::BoxedPayloadStream = Box::pin(futures::stream::iter(pieces));
        let payload = <Payload as actix_web::FromRequest>::from_request(
            &actix_web::test::TestRequest::default().to_http_request(),
            &mut actix_web::dev::Payload::Stream { payload: stream },
        );
        let payload = payload.await.unwrap();
        let turns = std::cell::Cell::new(0);
        let ticking = async {
            loop {
                tokio::task::yield_now().await;
                turns.set(turns.get() + 1);
            }
        };
        tokio::select! {
            biased;
            read = super::read(coding, payload, None, 1 << 24, 1 << 30) => assert_eq!(read.unwrap().0.len(), 300_000),
            () = ticking => {}
        }
        assert!(turns.get() > 40, "{coding:?}: {} turns", turns.get());
    }
}

/// Blocks of nothing: work without output, which the budget does not see.
#[tokio::test]
async fn others_have_their_turn_while_a_body_is_decoded() {
    let empty_deflate = [0, 0, 0, 0xff, 0xff].repeat(200_000);
    // Eight blocks that have a table each, and nothing in them.
    let tables = "BMCBAAAAAAAQ/9UkAA4EAAAAAID4ryYBcCAAAAAAAMR/NQmAAwEAAAAAIP6rSQAcCAAAAAAA8V9NAuBAAAAAAACI/2oSAAcCAAAAAED8V5MAOBAAAAAAAOK/mg==";
    let empty_tables = plain(tables).repeat(3_000);
    let empty_zstd = [&MAGIC[..], &[0, 0x58], &[0, 0, 0].repeat(300_000)].concat();
    let zeros = all(&vec![0; 8 << 20]);
    let mut bodies = vec![
        (Coding::Deflate, empty_deflate),
        (Coding::Deflate, empty_tables),
        (Coding::Zstd, empty_zstd),
        (Coding::Brotli, plain(BROTLI_BOMB)),
    ];
    bodies.extend(zeros);
    for (coding, body) in bodies {
        let turns = std::cell::Cell::new(0);
        let longest = std::cell::Cell::new(Duration::ZERO);
        let ticking = async {
            let mut last = Instant::now();
            loop {
                tokio::task::yield_now().await;
                turns.set(turns.get() + 1);
                longest.set(longest.get().max(last.elapsed()));
                last = Instant::now();
            }
        };
        tokio::select! {
            biased;
            _ = read(coding, &body, 1 << 20) => {}
            () = ticking => {}
        }
        assert!(turns.get() > 1, "{coding:?}: {} turns", turns.get());
        // Unoptimised code takes tens of times longer.
        assert!(longest.get() < Duration::from_millis(400), "{coding:?}: {:?}", longest.get());
    }
}
