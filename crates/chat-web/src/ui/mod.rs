//! The web client: files of `ui/`, embedded in the binary, and how browsers may keep them.
//!
//! The front page names its script and its style under `/ui/<build>/`, where the build is a digest of all files. Modules import
//! each other by relative paths, so all of them come from one build and may be kept for ever. A page of another build (a node
//! that is older or newer, in the middle of an upgrade) gets what this node has, to be asked for again next time.
//!
//! Nothing here knows what the client does. In debug builds the files are read from the disk at every request.

mod squeeze;

use std::sync::LazyLock;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderValue},
    },
};
use rust_embed::RustEmbed;
use sha2::{Digest as _, Sha256};

use crate::{
    docs::html,
    problem::{Answered, ErrorCode, Problem},
    rest::endpoint::{Endpoint, Who},
};

#[derive(RustEmbed)]
#[folder = "ui/"]
struct Files;

/// Stands in the front page where the build's name belongs.
const PLACE: &str = "{build}";
/// Characters of a build's name.
const NAME: usize = 8;
/// A build never changes (RFC 8246).
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

static BUILD: LazyLock<String> = LazyLock::new(|| {
    let mut names: Vec<_> = Files::iter().collect();
    names.sort_unstable();
    let mut hash = Sha256::new();
    for (name, file) in names.iter().filter_map(|name| Some((name, Files::get(name)?))) {
        hash.update(name.as_bytes());
        hash.update(file.metadata.sha256_hash());
    }
    let name: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    name.chars().take(NAME).collect()
});

/// Modules that a browser shall load at once, not one after another as it finds them (RFC 8288).
static MODULES: LazyLock<String> = LazyLock::new(|| {
    let scripts = Files::iter().filter(|name| name.ends_with(".js"));
    let links: Vec<_> = scripts.map(|name| format!("</ui/{}/{name}>; rel=modulepreload", *BUILD)).collect();
    links.join(", ")
});

pub(crate) fn endpoints() -> [Endpoint; 3] {
    let file = "A file of the web client";
    [
        Endpoint::new((Method::GET, "/"), "web_client", Who::Anyone, "The web client", front).document("text/html"),
        Endpoint::new((Method::GET, "/ui/{build}/{file}"), "web_client_file", Who::Anyone, file, own)
            .document("*/*")
            .refuses(&[ErrorCode::NotFound]),
        Endpoint::new((Method::GET, "/ui/{build}/{folder}/{file}"), "web_client_part", Who::Anyone, file, part)
            .document("*/*")
            .refuses(&[ErrorCode::NotFound]),
    ]
}

async fn front() -> Answered {
    let page = Files::get("index.html").ok_or_else(|| Problem::new(ErrorCode::NotFound))?;
    let mut answer = html::answer(String::from_utf8_lossy(&page.data).replace(PLACE, &BUILD))?;
    let modules = HeaderValue::from_str(&MODULES).map_err(|_| Problem::new(ErrorCode::Internal))?;
    answer.headers_mut().insert(header::LINK, modules);
    Ok(answer)
}

async fn own(request: HttpRequest) -> Answered {
    file(&request, segment(&request, "file"))
}

async fn part(request: HttpRequest) -> Answered {
    file(&request, &format!("{}/{}", segment(&request, "folder"), segment(&request, "file")))
}

fn segment<'a>(request: &'a HttpRequest, name: &str) -> &'a str {
    request.match_info().get(name).unwrap_or_default()
}

/// The file of that name, by the name's ending. The front page is at `/` only: under another path it would name no build.
fn file(request: &HttpRequest, name: &str) -> Answered {
    let unknown = || Problem::new(ErrorCode::NotFound);
    let media = media_type(name).ok_or_else(unknown)?;
    let file = Files::get(name).ok_or_else(unknown)?;
    let is_this_build = segment(request, "build") == BUILD.as_str() && !cfg!(debug_assertions);
    Ok(HttpResponse::Ok()
        .content_type(media)
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CACHE_CONTROL, if is_this_build { FOR_EVER } else { ASK_AGAIN }))
        .body(served(name, &file.data)))
}

/// A file as it is sent.
fn served(name: &str, data: &[u8]) -> String {
    let text = String::from_utf8_lossy(data);
    match name.rsplit_once('.') {
        Some((_, "js")) => squeeze::script(&text),
        Some((_, "css")) => squeeze::style(&text),
        Some(_) | None => text.into_owned(),
    }
}

fn media_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As served, before compression.
    const BUDGET: usize = 120 * 1024;

    #[test]
    fn all_of_the_client_is_small_and_of_known_kinds() {
        let mut whole = 0;
        for name in Files::iter() {
            assert!(name == "index.html" || media_type(&name).is_some(), "{name} would not be served");
            whole += served(&name, &Files::get(&name).unwrap().data).len();
        }
        assert!(whole > 0 && whole <= BUDGET, "{whole} bytes of {BUDGET}");
    }

    #[test]
    fn c2_the_client_names_nothing_outside_and_holds_nothing_inline() {
        for name in Files::iter() {
            let text = String::from_utf8(Files::get(&name).unwrap().data.into_owned()).unwrap();
            let outside: Vec<_> = text.match_indices("://").map(|(at, _)| &text[at.saturating_sub(8)..at]).collect();
            assert!(
                name.ends_with(".js") || outside.iter().all(|from| from.ends_with("\"http")),
                "{name}: {outside:?}"
            );
            for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
                assert!(!text.contains(word), "{name} has {word}");
            }
            if name == "index.html" {
                assert!(!text.contains(" style=") && !text.contains("<style") && !text.contains(" on"), "{text}");
                assert!(text.contains(PLACE), "no build");
            }
        }
    }
}
