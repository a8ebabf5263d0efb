//! What is said of a model that nobody serves here: the same to who asks it and to who only looks for it.

use actors::table::UnknownModel;

pub fn told(name: &str, unknown: &UnknownModel) -> String {
    // A name that no model could have is not repeated to anyone.
    let missing = if dialects::safe_model_name(name) {
        format!("the model `{name}` does not exist here")
    } else {
        "a model of that name cannot exist".to_owned()
    };
    let mut told = match unknown.near.as_slice() {
        [] => format!("{missing}; GET /v1/models lists those that do"),
        near => format!("{missing}; did you mean {}? GET /v1/models lists all", near.join(", ")),
    };
    if let [some, ..] = unknown.silent.as_slice() {
        let silent = unknown.silent.join(", ");
        told.push_str(&format!(" that are known; of {silent} no list could be had, and {some}/MODEL is passed on"));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_once_and_only_where_it_could_be_one() {
        let unknown = |near: &[&str], silent: &[&str]| UnknownModel {
            near: near.iter().map(|name| (*name).to_owned()).collect(),
            silent: silent.iter().map(|name| (*name).to_owned()).collect(),
        };
        assert_eq!(
            told("x", &unknown(&[], &[])),
            "the model `x` does not exist here; GET /v1/models lists those that do"
        );
        let near = told("x", &unknown(&["a", "b/x"], &[]));
        assert_eq!(near, "the model `x` does not exist here; did you mean a, b/x? GET /v1/models lists all");
        let silent = told("x", &unknown(&["y"], &["up"]));
        assert!(silent.ends_with("lists all that are known; of up no list could be had, and up/MODEL is passed on"));
        let odd = told("x\n", &unknown(&[], &[]));
        assert_eq!(odd, "a model of that name cannot exist; GET /v1/models lists those that do");
    }
}
