//! Files that something has damaged: whatever stands in them, loading ends with an answer.

use crate::testing::Setup;

const YAML: &str = include_str!("../../provider-config-example.yaml");
const ENV: &str =
    "AUTH_TOKEN='alice:a-token-of-alice'\nGROQ_API_KEY=\"g\\n\\\"x\" # why\nexport PORT=8080\nA='b\nc'\nB=\\$x${A}\n";

/// A fixed sequence of numbers (Knuth's MMIX constants): the same damage in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }
}

/// One to four cuts, copies or strange characters.
fn damaged(text: &str, dice: &mut Dice) -> String {
    const STRANGE: [char; 16] =
        ['{', '}', '[', ']', ':', '\'', '"', '\t', '\n', '&', '*', '$', '#', '\0', '\u{e4}', '\u{10fffe}'];
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(4) {
        let (at, length) = (dice.below(chars.len()), dice.below(40));
        let end = (at + length).min(chars.len());
        match dice.below(4) {
            0 => drop(chars.drain(at..end)),
            1 => {
                let copy = chars[at..end].to_vec();
                let to = dice.below(chars.len());
                chars.splice(to..to, copy);
            }
            _ => chars.insert(at, STRANGE[dice.below(STRANGE.len())]),
        }
    }
    chars.into_iter().collect()
}

#[test]
fn no_text_keeps_it_from_answering() {
    let mut dice = Dice(1);
    let mut refused = 0;
    let setup = Setup::bare();
    for round in 0..300 {
        setup.folder.write("provider-config.yaml", &damaged(YAML, &mut dice));
        setup.folder.write(".env", &damaged(ENV, &mut dice));
        match setup.load() {
            Ok(loaded) => assert!(!loaded.config.providers.is_empty(), "round {round}"),
            Err(findings) => {
                refused += 1;
                assert!(findings.iter().any(crate::Finding::is_error), "round {round}: refused without a reason");
                assert!(findings.iter().all(|finding| finding.to_string().lines().count() == 1), "round {round}");
            }
        }
    }
    assert!(refused > 150, "the damage is too mild to show anything: {refused}");
}
