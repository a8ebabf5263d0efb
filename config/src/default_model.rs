//! Reads `default_model`: what a request asks for that names no model. It must be a model that is there.

use crate::finding::nearest;
use crate::reader::{Reader, Spot};
use crate::{Model, Provider};

pub(crate) fn read(
    r: &mut Reader<'_>,
    spot: Option<&Spot<'_>>,
    models: &[Model],
    providers: &[Provider],
) -> Option<String> {
    let spot = spot?;
    let given = r.text(spot)?;
    let name = given.text.trim();
    if exists(name, models, providers) {
        return Some(name.to_owned());
    }
    let listed = |provider: &Provider| {
        let id = provider.id.clone();
        provider.models.iter().map(move |model| format!("{id}/{}", model.name)).collect::<Vec<_>>()
    };
    let deployments: Vec<String> = providers.iter().flat_map(listed).collect();
    let known = models.iter().map(|model| model.name.as_str()).chain(deployments.iter().map(String::as_str));
    let fix = match nearest(name, known) {
        Some(near) => format!("did you mean {near}?"),
        None => "name one of models, or provider/model".to_owned(),
    };
    let found = format!("there is no model {}", r.quote(spot, name, "of this name"));
    r.error(spot, found, fix);
    None
}

/// As the routing table resolves names; a provider that lists no models may have any.
fn exists(name: &str, models: &[Model], providers: &[Provider]) -> bool {
    let serves = |provider: &Provider, wanted: &str, unlisted: bool| {
        let lists = provider.models.iter().any(|model| model.name.as_str() == wanted);
        lists || unlisted && !wanted.is_empty() && (provider.models.is_empty() || provider.allow_unlisted)
    };
    let deployment = name.split_once('/').is_some_and(|(id, wanted)| {
        providers.iter().any(|provider| provider.id.as_str() == id && serves(provider, wanted, true))
    });
    // Without its provider a name must be listed: what is discovered later may be several providers'.
    deployment
        || models.iter().any(|model| model.name.as_str() == name)
        || providers.iter().any(|provider| serves(provider, name, false))
}

#[cfg(test)]
mod tests {
    use crate::testing::Setup;

    const PROVIDERS: &str = "providers:\n  up: {kind: openai, base_url: 'http://h', api_key: none, models: [a/b]}\n  \
        open: {kind: openai, base_url: 'http://h', api_key: none}\nmodels: {fast: {targets: [up/a/b]}}\n";

    #[test]
    fn a_model_that_is_there_is_taken() {
        for name in ["fast", "up/a/b", "a/b", "open/anything"] {
            let config = Setup::yaml(&format!("{PROVIDERS}default_model: {name}\n")).config();
            assert_eq!(config.default_model.as_deref(), Some(name));
        }
        assert_eq!(Setup::yaml(PROVIDERS).config().default_model, None);
    }

    #[test]
    fn another_is_told_with_the_nearest() {
        for (name, fix) in [
            ("fats", "did you mean fast?"),
            ("up/a/c", "did you mean up/a/b?"),
            ("anything", "name one of models, or provider/model"),
            ("''", "the value is empty"),
            ("open/", "name one of models, or provider/model"),
        ] {
            let told = Setup::yaml(&format!("{PROVIDERS}default_model: {name}\n")).told();
            assert!(told.iter().any(|line| line.contains("default_model") && line.contains(fix)), "{name}: {told:?}");
        }
    }
}
