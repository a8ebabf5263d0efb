//! Where a provider of the catalogue is: what the YAML says, then the variables that its own SDK and the tools around it
//! read (`OPENAI_BASE_URL`), then the vendor's address.
//!
//! What always holds: a variable that moves a provider away from its vendor's address is told, for its keys go there; and
//! nothing is asked at the address that this gateway itself listens on.

use crate::base_url::BaseUrlError;
use crate::catalogue::Known;
use crate::reader::{Given, Reader};
use crate::{BaseUrl, Kind, mend, placeholder};

/// A base URL, and whether it was pasted as an endpoint without a version: then its API has none.
pub(crate) struct Address {
    pub(crate) url: BaseUrl,
    pub(crate) unversioned: bool,
}

/// What a text says, put right where it is plain what was meant. Of a URL nothing is shown: people paste keys into them.
pub(crate) fn read(r: &mut Reader<'_>, given: &Given, kind: Option<Kind>) -> Option<Address> {
    if placeholder::is_reference(&given.text.trim().to_ascii_lowercase()) {
        let found = "a reference that nothing has resolved, not the URL that it names";
        r.findings.push(given.place.error(found, "write ${NAME} for a variable, or the URL itself"));
        return None;
    }
    let mended = mend::mend(&given.text, kind);
    match BaseUrl::parse(&mended.text) {
        Ok(url) => {
            for (found, fix) in mended.told {
                r.findings.push(given.place.warning(found, fix));
            }
            if url.is_exposed() {
                let fix = "use https, or a host in your own network";
                r.findings.push(given.place.warning("keys and prompts go unencrypted to a public host", fix));
            }
            Some(Address { url, unversioned: mended.unversioned })
        }
        Err(error) => {
            let (found, fix) = BaseUrlError::told(error);
            r.findings.push(given.place.error(found, fix));
            None
        }
    }
}

/// What the first of a provider's variables that is set says. The others of them are told where they say something else.
pub(crate) fn variable(r: &mut Reader<'_>, known: &Known) -> Option<Given> {
    let vars = r.vars;
    let mut set = known.base_url_variables.iter().filter_map(|name| Some((name.as_str(), vars.get(name)?)));
    let (name, var) = set.next()?;
    let others: Vec<_> = set.filter(|(_, other)| other.value.trim() != var.value.trim()).collect();
    for (_, other) in others {
        let found = format!("{name} goes before it");
        r.findings.push(other.place.warning(found, "keep one of them"));
    }
    let mut given = Given::from(var);
    if name == "OLLAMA_HOST" {
        given.text = of_ollama(&given.text);
    }
    Some(given)
}

/// Whether a text leads to this gateway itself; tells nothing.
pub(crate) fn is_own(r: &Reader<'_>, given: &Given) -> bool {
    BaseUrl::parse(&mend::mend(&given.text, None).text).is_ok_and(|url| r.is_own(&url))
}

/// Where the variables say that a provider is. `Err`: they say it wrongly, which is told.
pub(crate) fn from_variables(r: &mut Reader<'_>, known: &Known) -> Option<Result<Address, ()>> {
    let given = variable(r, known)?;
    let Some(mut address) = read(r, &given, Some(known.kind)) else {
        return Some(Err(()));
    };
    if let Some(path) = known.base_url_path.as_deref().filter(|_| is_bare(&address.url)) {
        address.url = BaseUrl::parse(&format!("{}{path}", address.url)).unwrap_or(address.url);
    }
    if r.is_own(&address.url) {
        // It is there for the clients of this machine, who are to ask us.
        let instead = if known.base_url.is_some() { "it is asked at its vendor's address" } else { "it is not asked" };
        let found = format!("this is where the gateway itself listens: {} cannot be there, and {instead}", known.name);
        r.findings.push(given.place.warning(found, format!("unset it, or say providers.{}.base_url", known.name)));
        return None;
    }
    let usual = known.base_url.as_deref().and_then(|text| BaseUrl::parse(text).ok());
    let first = known.base_url_variables.first().is_some_and(|first| given.place.path.starts_with(first.as_str()));
    // That a local server is elsewhere is what its own variable is for.
    let expected = |usual: &BaseUrl| usual.authority() == address.url.authority() || first && !usual.is_tls();
    if let Some(usual) = usual.filter(|usual| !expected(usual)) {
        let found = format!("{} is asked at {} and not at {}", known.name, address.url.authority(), usual.authority());
        let fix = format!("its keys go there; providers.{}.base_url would go before this variable", known.name);
        r.findings.push(given.place.note(found, fix));
    }
    Some(Ok(address))
}

fn is_bare(url: &BaseUrl) -> bool {
    url.prefix().is_empty() && url.version().is_none()
}

/// As Ollama's own clients read it (github.com/ollama/ollama, envconfig): `host`, `host:port`, `:port`, a URL; port 11434
/// where no scheme says another one; the address that a server listens on stands for this machine.
fn of_ollama(text: &str) -> String {
    let text = text.trim();
    let (scheme, rest) = text.split_once("://").map_or((None, text), |(scheme, rest)| (Some(scheme), rest));
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let port_at = authority.rfind(':').filter(|at| !authority.get(*at..).unwrap_or_default().contains(']'));
    let six_without_brackets = authority.matches(':').count() > 1 && !authority.starts_with('[');
    let (host, port) = match port_at.filter(|_| !six_without_brackets) {
        Some(at) => (authority.get(..at).unwrap_or_default(), authority.get(at + 1..)),
        None => (authority, None),
    };
    let host = match host {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" | "[::]" => "[::1]".to_owned(),
        six if six_without_brackets => format!("[{six}]"),
        host => host.to_owned(),
    };
    let port = match (port, scheme) {
        (Some(port), _) => format!(":{port}"),
        (None, Some(_)) => String::new(),
        (None, None) => ":11434".to_owned(),
    };
    format!("{}://{host}{port}{path}", scheme.unwrap_or("http"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use crate::testing::Setup;

    #[test]
    fn ollamas_host_is_read_as_ollama_reads_it() {
        for (text, url) in [
            ("gpu.lan", "http://gpu.lan:11434"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("0.0.0.0:1234", "http://127.0.0.1:1234"),
            (":1234", "http://127.0.0.1:1234"),
            ("[::1]", "http://[::1]:11434"),
            ("::1", "http://[::1]:11434"),
            ("[::]:7", "http://[::1]:7"),
            ("http://gpu.lan", "http://gpu.lan"),
            ("https://gpu.example/ollama", "https://gpu.example/ollama"),
            ("gpu.lan/x", "http://gpu.lan:11434/x"),
        ] {
            assert_eq!(of_ollama(text), url, "{text}");
        }
    }

    fn url(setup: &Setup, provider: &str) -> String {
        let config = setup.config();
        let found = config.providers.iter().find(|known| known.id.as_str() == provider);
        found.map_or_else(|| "none".to_owned(), |provider| provider.base_url.to_string())
    }

    #[test]
    fn the_variables_of_the_sdks_are_read_and_told() {
        for (key, name, provider) in [
            ("OPENAI_API_KEY", "OPENAI_BASE_URL", "openai"),
            ("OPENAI_API_KEY", "OPENAI_API_BASE", "openai"),
            ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "anthropic"),
            ("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL", "gemini"),
            ("GOOGLE_API_KEY", "GEMINI_API_BASE", "gemini"),
            ("DEEPSEEK_API_KEY", "DEEPSEEK_API_BASE", "deepseek"),
            ("AZURE_OPENAI_API_KEY", "AZURE_API_BASE", "azure"),
        ] {
            let said = "http://127.0.0.1:9/corp/v1";
            let by_env = Setup::bare().var(key, "k").var(name, said);
            let by_file = Setup::bare().dotenv(&format!("{key}=k\n{name}={said}\n"));
            for setup in [&by_env, &by_file] {
                assert_eq!(url(setup, provider), said, "{name}");
            }
            if provider != "azure" {
                let told = by_env.told();
                assert_eq!(told.len(), 1, "{told:?}");
                let begin = format!("environment: note: {name}: {provider} is asked at 127.0.0.1:9 and not at ");
                assert!(told[0].starts_with(&begin), "{told:?}");
            }
            // The file goes before them.
            let yaml = Setup::yaml(&format!("providers:\n  {provider}:\n    base_url: http://127.0.0.1:7/v1\n"));
            let yaml = yaml.var(key, "k").var(name, said);
            assert_eq!(url(&yaml, provider), "http://127.0.0.1:7/v1");
            assert!(yaml.told().is_empty(), "{:?}", yaml.told());
        }
        // As its SDK has it, whose paths begin behind the host.
        let groq = Setup::bare().var("GROQ_API_KEY", "k").var("GROQ_BASE_URL", "http://127.0.0.1:9");
        assert_eq!(url(&groq, "groq"), "http://127.0.0.1:9/openai");
        assert_eq!(url(&Setup::bare().var("OLLAMA_HOST", "0.0.0.0"), "ollama"), "http://127.0.0.1:11434");
        let both = Setup::bare()
            .var("OPENAI_API_KEY", "k")
            .var("OPENAI_BASE_URL", "http://a.lan")
            .var("OPENAI_API_BASE", "http://b.lan");
        assert_eq!(url(&both, "openai"), "http://a.lan");
        assert!(both.told().iter().any(|line| line.contains("OPENAI_BASE_URL goes before it")), "{:?}", both.told());
    }

    #[test]
    fn nothing_is_asked_at_our_own_address() {
        for (host, own) in [("127.0.0.1", "http://127.0.0.1:8080/v1"), ("0.0.0.0", "http://localhost:8080")] {
            let setup = Setup::bare().var("HOST", host).var("AUTH_TOKEN", "5f0e1a7c9b3d4e62");
            let setup = setup.var("ANTHROPIC_API_KEY", "k").var("ANTHROPIC_BASE_URL", own);
            assert_eq!(url(&setup, "anthropic"), "https://api.anthropic.com");
            let told = setup.told();
            assert!(told.len() == 1 && told[0].contains("where the gateway itself listens"), "{told:?}");
        }
        for (yaml, place) in [
            ("providers: {p: {kind: openai, api_key: none, base_url: 'http://localhost:8080/v1'}}", "p.base_url"),
            ("providers: {llamacpp: {}}", "llamacpp"),
        ] {
            let told = Setup::yaml(yaml).told();
            assert!(told.len() == 1 && told[0].contains(place) && told[0].contains("itself listens"), "{told:?}");
            assert!(!told[0].contains("warning"), "{told:?}");
            assert!(Setup::yaml(yaml).var("PORT", "8081").told().is_empty());
        }
        assert!(Setup::bare().var("ANTHROPIC_BASE_URL", "http://127.0.0.1:8080").told().is_empty());
        let elsewhere = Setup::yaml("providers: {p: {kind: openai, api_key: none, base_url: 'http://10.0.0.1:8080'}}");
        assert!(elsewhere.told().is_empty());
    }
}
