//! What is said of a model that nobody serves here: the same to who asks it and to who only looks for it.

use actors::table::UnknownModel;

pub fn told(name: &str, unknown: &UnknownModel) -> String {
    if !unknown.ambiguous.is_empty() {
        return format!("several providers serve the model `{name}`; say which: {}", unknown.ambiguous.join(", "));
    }
    // A name that no model could have is not repeated to anyone.
    let missing = if dialects::safe_model_name(name) {
        format!("the model `{name}` does not exist here")
    } else {
        "a model of that name cannot exist".to_owned()
    };
    if unknown.near.is_empty() {
        return format!("{missing}; GET /v1/models lists those that do");
    }
    format!("{missing}; did you mean {}? GET /v1/models lists all", unknown.near.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_once_and_only_where_it_could_be_one() {
        let unknown = |near: &[&str], ambiguous: &[&str]| UnknownModel {
            near: near.iter().map(|name| (*name).to_owned()).collect(),
            ambiguous: ambiguous.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(
            told("x", &unknown(&[], &[])),
            "the model `x` does not exist here; GET /v1/models lists those that do"
        );
        let near = told("x", &unknown(&["a", "b/x"], &[]));
        assert_eq!(near, "the model `x` does not exist here; did you mean a, b/x? GET /v1/models lists all");
        assert!(told("x", &unknown(&[], &["a/x", "b/x"])).ends_with("say which: a/x, b/x"));
        let odd = told("x\n", &unknown(&[], &[]));
        assert_eq!(odd, "a model of that name cannot exist; GET /v1/models lists those that do");
    }
}
