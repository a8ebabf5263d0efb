//! Wherever a provider puts when to come back, the client is told it, and nobody asks before.

use upstream::harness::one;
use upstream::*;

use crate::proxy;

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_says_when_to_come_back_is_believed_as_a_header_is() {
    let details = |quota: &str, delay: &str| {
        format!(
            r#"{{"error":{{"code":429,"message":"You exceeded your current quota. Please retry in 9s.","status":"RESOURCE_EXHAUSTED","details":[{{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"quotaId":"{quota}"}}]}},{{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"{delay}"}}]}}}}"#
        )
    };
    let text =
        |text: &str| format!(r#"{{"error":{{"message":"{text}","type":"tokens","code":"rate_limit_exceeded"}}}}"#);
    let soon = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() + 40_000;
    let openrouter = format!(
        r#"{{"error":{{"message":"Rate limit exceeded","code":429,"metadata":{{"headers":{{"X-RateLimit-Limit":"20","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"{soon}"}}}}}}}}"#
    );
    for (status, headers, body, wait) in [
        (429, vec![], details("GenerateRequestsPerMinutePerProject", "34.07s"), 35),
        // The minute that it names is not the day that is used up; believed up to the cap.
        (429, vec![], details("GenerateRequestsPerDayPerProject", "34.07s"), 60),
        (429, vec![], text("Rate limit reached. Please try again in 40s. Visit https://x"), 40),
        (429, vec![], text("Please try again in 1m30s."), 60),
        (429, vec![], text("Please retry after 22 seconds."), 22),
        (429, vec![], openrouter, 40),
        (429, vec!["retry-after: 30"], text("Please try again in 40s."), 30),
        (503, vec![], text("Overloaded. Please try again in 40s."), 40),
        (429, vec![], "Rate limited. Please try again in 40s".to_owned(), 40),
        (429, vec!["ratelimit-reset: 40"], "{}".to_owned(), 40),
    ] {
        let upstream = upstream::status(status, &headers, body.as_bytes()).await;
        let proxy = proxy(&one(&upstream.base_url(), "")).await;
        for _ in 0..2 {
            let answer = proxy.chat("m").await;
            assert_eq!((answer.status, upstream.count()), (status, 1), "{body}: {}", answer.text());
            let after: i64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((wait - 8..=wait).contains(&after), "{body}: {after}");
        }
    }
    // The same inside a 200.
    let told = [b"data: ".as_slice(), text("Please try again in 40s.").as_bytes(), b"\n\n"].concat();
    let upstream = error_inside_200(vec![], &told).await;
    let proxy = proxy(&one(&upstream.base_url(), "")).await;
    let answer = proxy.stream("m").await.answer().await;
    assert_eq!((answer.status, upstream.count()), (429, 1), "{}", answer.text());
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 38);
    let bare = br#"{"error":{"code":429,"message":"slow down"}}"#.to_vec();
    for (headers, body) in
        [(vec![], details("GenerateRequestsPerMinutePerProject", "40s").into_bytes()), (vec!["retry-after: 40"], bare)]
    {
        let upstream = answers(Reply::json(200, &headers, &body)).await;
        let proxy = crate::proxy(&one(&upstream.base_url(), "")).await;
        let answer = proxy.chat("m").await;
        assert_eq!((answer.status, upstream.count()), (429, 1), "{}", answer.text());
        assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 38);
    }
}
