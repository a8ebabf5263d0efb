use super::*;
use crate::translate::{Hints, Target, read, write};

const BODY: &str = r#"{"model":"m","max_tokens":9,"messages":[
  {"role":"user","content":[
    {"type":"image","source":{"type":"url","url":"https://a.example/1.png"}},
    {"type":"image","source":{"type":"url","url":"https://a.example/1.png"}},
    {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},
    {"type":"document","source":{"type":"url","url":"https://a.example/2.pdf"}},
    {"type":"text","text":"look at https://a.example/3.png"}]},
  {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},
  {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[
    {"type":"image","source":{"type":"url","url":"https://a.example/4.png"}}]}]}]}"#;

fn request() -> Request<'static> {
    read(Wire::Messages, BODY.as_bytes(), &Hints::default()).unwrap()
}

fn wanted(wire: Wire) -> Vec<(Medium, String)> {
    let missing = put_in(&mut request(), wire, |_, _| Ok::<_, ()>(None)).unwrap();
    missing.into_iter().map(|remote| (remote.medium, remote.url)).collect()
}

#[test]
fn only_what_the_format_takes_by_no_url_is_wanted_and_each_once() {
    let url = |name: &str| format!("https://a.example/{name}");
    let (one, two, four) = (url("1.png"), url("2.pdf"), url("4.png"));
    assert_eq!(wanted(Wire::Converse), [(Medium::Image, one), (Medium::Document, two.clone()), (Medium::Image, four)]);
    assert_eq!(wanted(Wire::Chat), [(Medium::Document, two)]);
    for takes_all in [Wire::Messages, Wire::Gemini, Wire::Responses] {
        assert_eq!(wanted(takes_all), [], "{}", takes_all.label());
    }
}

#[test]
fn what_was_found_is_written_as_if_it_had_been_in_the_body() {
    let mut request = request();
    let missing = put_in(&mut request, Wire::Converse, |medium, url| match medium {
        Medium::Image if url.ends_with("4.png") => Ok::<_, ()>(None),
        Medium::Image => Ok(Some(Inline::Base64 { media_type: "image/webp", data: "V0VCUA==" })),
        Medium::Document => Ok(Some(Inline::Text("words"))),
    });
    let four = Remote { medium: Medium::Image, url: "https://a.example/4.png".to_owned(), places: 1 };
    assert_eq!(missing, Ok(vec![four]));
    let target = Target { model: "m", ..Target::default() };
    assert!(write(Wire::Converse, &request, &target).is_err(), "one of them is still missing");
    let found = |_, _: &str| Ok::<_, ()>(Some(Inline::Base64 { media_type: "image/gif", data: "R0lG" }));
    assert_eq!(put_in(&mut request, Wire::Converse, found), Ok(Vec::new()));
    let written = write(Wire::Converse, &request, &target).unwrap();
    assert!(written.losses.is_empty(), "{:?}", written.losses);
    let body: serde_json::Value = serde_json::from_slice(&written.body).unwrap();
    let content = &body["messages"][0]["content"];
    assert_eq!(content[0]["image"], serde_json::json!({"format": "webp", "source": {"bytes": "V0VCUA=="}}));
    assert_eq!(content[0], content[1]);
    assert_eq!(content[3]["document"]["source"]["bytes"], "d29yZHM=");
    let result = &body["messages"][2]["content"][0]["toolResult"]["content"][0]["image"];
    assert_eq!((&result["format"], &result["source"]["bytes"]), (&"gif".into(), &"R0lG".into()));
}

#[test]
fn every_place_is_asked_for_and_the_first_that_cannot_be_ends_it() {
    let missing = put_in(&mut request(), Wire::Converse, |_, _| Ok::<_, ()>(None)).unwrap();
    assert_eq!(missing.iter().map(|remote| remote.places).collect::<Vec<_>>(), [2, 1, 1]);

    let image = |nth: usize| format!(r#"{{"type":"image","source":{{"type":"url","url":"https://a.example/{nth}"}}}}"#);
    let images: Vec<String> = (0..1_000).map(image).collect();
    let body =
        format!(r#"{{"model":"m","max_tokens":9,"messages":[{{"role":"user","content":[{}]}}]}}"#, images.join(","));
    let mut request = read(Wire::Messages, body.as_bytes(), &Hints::default()).unwrap();
    let mut places = 0;
    let ended = put_in(&mut request, Wire::Converse, |_, _| {
        places += 1;
        if places > 20 { Err("too many") } else { Ok(None) }
    });
    assert_eq!((ended, places), (Err("too many"), 21));
}

#[test]
fn what_is_written_is_no_more_than_was_said() {
    let base64 = Inline::Base64 { media_type: "image/png", data: "AAAA" };
    assert_eq!(base64.written(), 4);
    for text in ["", "words", "\u{1}\0\u{1f}\u{1}", "\"quoted\"\n\t\\", "w\u{f6}rter", "\u{7f}"] {
        let mut out = Vec::new();
        put::string(&mut out, text);
        assert_eq!(put::escaped(text), out.len() - 2, "{text:?}");
        assert!(Inline::Text(text).written() as usize >= (out.len() - 2).max(text.len().div_ceil(3) * 4));
    }
}
