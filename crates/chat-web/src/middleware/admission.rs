//! What is refused before anything is looked up: sizes, and encodings that nobody here decodes.

use actix_web::{dev::ServiceRequest, http::header};

use crate::{
    problem::{ErrorCode, Problem},
    settings::WebSettings,
};

/// Checks URL, headers and encoding. The parser before it has limits of its own (64 KiB of URL: a bare 400; 128 KiB or 96
/// lines of headers: a bare 431), so these settings only ever tighten them.
pub(super) fn admit(request: &ServiceRequest, settings: &WebSettings) -> Result<(), Problem> {
    let url = request.uri().path_and_query().map_or(0, |url| url.as_str().len());
    if url > settings.url_bytes {
        let detail = format!("a URL has at most {} bytes", settings.url_bytes);
        return Err(Problem::new(ErrorCode::TooLarge).status(414).detail(detail).closing());
    }
    // A line is name, colon, space, value, CR, LF.
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers > settings.header_bytes {
        let detail = format!("headers have at most {} bytes", settings.header_bytes);
        return Err(Problem::new(ErrorCode::TooLarge).status(431).detail(detail).closing());
    }
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        let detail = "bodies are taken without Content-Encoding only";
        return Err(Problem::new(ErrorCode::UnsupportedMedia).detail(detail).closing());
    }
    Ok(())
}
