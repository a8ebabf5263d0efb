//! The fenced blocks of a Markdown file.

use crate::file;

/// One fenced block.
pub struct Block {
    /// What stands behind the fence.
    pub kind: String,
    pub text: String,
    /// Of its fence, from 1.
    pub line: usize,
}

/// Every block of the README, in order.
pub fn all() -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in (1..).zip(file("README.md").lines()) {
        match (line.strip_prefix("```"), &mut open) {
            (Some(kind), None) => open = Some(Block { kind: kind.to_owned(), text: String::new(), line: number }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "the last block of README.md has no end");
    blocks
}

/// The blocks of a kind; at least one, or a test of them would test nothing.
pub fn of(kind: &str) -> Vec<Block> {
    let found: Vec<Block> = all().into_iter().filter(|block| block.kind == kind).collect();
    assert!(!found.is_empty(), "README.md has no {kind} block");
    found
}

#[test]
fn every_block_is_of_a_kind_that_is_tested() {
    // Commands for a host with an engine: run by another test, on real engines.
    let engines = file("tests/installer/test_readme.sh");
    let mut with_engines = 0;
    for block in all() {
        let tested = match block.kind.as_str() {
            "sh" | "yaml" | "dotenv" | "python" | "js" | "text" => true,
            kind @ ("sh host" | "sh docker" | "sh podman") => {
                with_engines += 1;
                engines.contains(&format!("\"{kind}\""))
            }
            _ => false,
        };
        assert!(tested, "README.md:{}: no test looks at `{}` blocks", block.line, block.kind);
    }
    assert!(with_engines > 10, "the commands for a host are gone, or their fences have lost their kind");
}
