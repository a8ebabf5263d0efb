//! The document of what each translation carries, made from the declarations: it cannot say anything else.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fmt::Write;

use dialects::Wire;
use dialects::loss::{Fidelity, Field, between, carries};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fidelity.md");

fn title(wire: Wire) -> &'static str {
    match wire {
        Wire::Chat => "OpenAI chat completions",
        Wire::Responses => "OpenAI responses",
        Wire::Messages => "Anthropic messages",
        Wire::Gemini => "Gemini generateContent",
        Wire::Converse => "Bedrock Converse",
    }
}

fn document() -> String {
    let mut out = String::from(
        "# What a translation carries\n\n\
         Made from the declarations in `dialects` (`UPDATE_DOCS=1 cargo test -p dialects --test fidelity`). Between a client and\n\
         an upstream of the same format nothing is translated, and all of it goes through byte for byte.\n\n\
         | word | meaning |\n|---|---|\n\
         | carried | means there what it meant here |\n\
         | approximated | comes near, or comes only where the upstream's models take it; named in `x-ai-proxy-dropped` where it did not come |\n\
         | dropped | has no place there; named in `x-ai-proxy-dropped`, or a 400 with `on_loss: refuse` |\n\
         | refused | without it the answer would be another one: a 400 that names it |\n\
         | - | the client's format cannot say it |\n\n\
         Requests are told in `x-ai-proxy-dropped`. What an answer loses is what this table says of the way back.\n",
    );
    for from in Wire::ALL {
        let others: Vec<_> = Wire::ALL.into_iter().filter(|to| *to != from).collect();
        write!(out, "\n## From {}\n\n| field | what it is |", title(from)).unwrap();
        others.iter().for_each(|to| write!(out, " {} |", to.label()).unwrap());
        out.push_str("\n|---|---|");
        others.iter().for_each(|_| out.push_str("---|"));
        out.push('\n');
        for field in Field::ALL {
            if others.iter().all(|to| between(from, *to, field).is_none()) {
                continue;
            }
            write!(out, "| `{}` |{} |", field.name(), field.about()).unwrap();
            for to in &others {
                write!(out, " {} |", between(from, *to, field).map_or("-", Fidelity::label)).unwrap();
            }
            out.push('\n');
        }
    }
    out.push_str(STATE);
    out
}

/// The one part that is written by hand: [`dialects::conversation::Opaque`] has the reasons.
const STATE: &str = "
## What a provider wants back

Signatures of thoughts and calls, redacted thoughts and encrypted reasoning mean something only to the provider that made
them, who wants them back in the next turn. A client of another dialect gets them in its own dialect's place for such
things and sends them back from there:

| client | thoughts | calls | where it does not survive |
|---|---|---|---|
| chat | `reasoning_details[].signature` and `.data`, extra members of the message | the call's id | a client that rebuilds its messages from text and calls loses the thoughts; a request for thinking within such a tool loop then goes without it, and says so |
| responses | `encrypted_content` of a reasoning item | the call's id | a client that keeps no reasoning items |
| messages | `signature` of a thinking block, `data` of a redacted one | the call's id | - |
| gemini | `thoughtSignature` | the call's own `thoughtSignature` | a client that drops parts which are thoughts |

To a provider that did not make it, it is never sent (`foreign_state`).
";

#[test]
fn the_document_says_what_the_code_declares() {
    let made = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs")).unwrap();
        std::fs::write(SHIPPED, &made).unwrap();
    }
    let shipped = std::fs::read_to_string(SHIPPED).unwrap_or_default();
    assert!(shipped == made, "docs/fidelity.md does not fit: UPDATE_DOCS=1 cargo test -p dialects --test fidelity");
    let declared = Wire::ALL.len() * Field::ALL.len();
    println!("{declared} declarations, {} fields", Field::ALL.len());
    assert!(Field::ALL.iter().all(|field| !field.about().is_empty()));
    assert!(Field::ALL.iter().all(|field| carries(Wire::Chat, *field) != Fidelity::Refused || !field.must_carry()));
}
