//! Parts as they are written, in requests and in answers.

use serde::de::IgnoredAny;

use super::content::{guessed_type, is_kept};
use super::path;
use crate::conversation::{Call, Extra, Media, Source};
use crate::json::put::Object;
use crate::translate::FREE_FORM;

/// Whether a text is a JSON object.
pub fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(json).is_ok()
}

/// Arguments as the object that they must be here; anything else becomes the one member of one.
fn args(function: &mut Object<'_>, call: &Call<'_>) {
    let text = &*call.arguments;
    if call.free_form {
        function.object("args").text(FREE_FORM, text);
    } else if text.trim().is_empty() {
        function.raw("args", "{}");
    } else if is_object(text) {
        function.raw("args", text);
    } else {
        function.object("args").text("arguments", text);
    }
}

/// A call. `with_args`: it says them, be there none. `extra`: what its own client wrote beside.
pub fn call(part: &mut Object<'_>, id: &str, call: &Call<'_>, with_args: bool, extra: Option<&Extra<'_>>) {
    let mut function = part.object("functionCall");
    if !id.is_empty() {
        function.text("id", id);
    }
    function.text("name", &call.name);
    if with_args {
        args(&mut function, call);
    }
    if let Some(extra) = extra {
        path::put(&mut function, extra, "functionCall.");
    }
}

/// Whether this format can say where a medium is.
pub fn tells(media: &Media<'_>) -> bool {
    !matches!(&media.source, Source::File(id) if !is_kept(id))
}

/// A medium; false where this format cannot say where it is. `usual`: the type of what does not say its own.
pub fn media(part: &mut Object<'_>, media: &Media<'_>, usual: &str, extra: Option<&Extra<'_>>) -> bool {
    // By API key names are refused.
    let name = media.name.as_deref().filter(|_| extra.is_some());
    let nothing = Extra::new();
    let kept = extra.unwrap_or(&nothing);
    match &media.source {
        Source::Base64 { media_type, data } => {
            let mut blob = part.object("inlineData");
            blob.text("mimeType", if media_type.is_empty() { usual } else { media_type }).text("data", data);
            blob.text_if("displayName", name);
            path::put(&mut blob, kept, "inlineData.");
        }
        Source::Text(text) => {
            part.text("text", text);
        }
        Source::Url { url, media_type } => {
            // What the client did not say is not said for it in its own format.
            let guess = if extra.is_some() { "" } else { guessed_type(url) };
            let guess = if extra.is_none() && guess.is_empty() { usual } else { guess };
            let media_type = media_type.as_deref().unwrap_or(guess);
            let mut file = part.object("fileData");
            // A page's video has a type that only its host knows.
            if !media_type.is_empty() && media_type != "video/*" {
                file.text("mimeType", media_type);
            }
            file.text("fileUri", url).text_if("displayName", name);
            path::put(&mut file, kept, "fileData.");
        }
        Source::File(id) if is_kept(id) => {
            let mut file = part.object("fileData");
            file.text("fileUri", id).text_if("displayName", name);
            path::put(&mut file, kept, "fileData.");
        }
        Source::File(_) => return false,
    }
    true
}
