//! HTML pages and the headers that every one of them carries (security C2).

use actix_web::{HttpResponse, http::header};

use crate::problem::{Answered, ErrorCode};

/// Nothing may be loaded but from here, nothing inline, nothing framed.
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// A page.
pub(crate) fn answer(page: String) -> Answered {
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header(("cross-origin-opener-policy", "same-origin"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .body(page))
}

/// What an error means and what to do. Every text of it comes from the table of errors, none from a client.
pub(super) fn error_page(code: ErrorCode) -> String {
    let facts = code.facts();
    let retry = if facts.retry { "Yes: the same request may succeed later." } else { "No." };
    let close = facts.close.map_or_else(|| "none".to_owned(), |close| close.to_string());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{code}: {title}</title>\n\
         <link rel=\"stylesheet\" href=\"/docs/docs.css\">\n</head>\n<body>\n<main>\n\
         <h1><code>{code}</code> {title}</h1>\n<p>{meaning}</p>\n<h2>What to do</h2>\n<p>{remedy}</p>\n\
         <dl><dt>HTTP status</dt><dd>{status}</dd><dt>Close code of a socket</dt><dd>{close}</dd>\
         <dt>Worth repeating</dt><dd>{retry}</dd></dl>\n<p><a href=\"/docs\">All documents</a></p>\n</main>\n</body>\n</html>\n",
        code = facts.code,
        title = facts.title,
        meaning = marked(facts.meaning),
        remedy = marked(facts.remedy),
        status = facts.status,
    )
}

/// Text with `code` in it, as HTML.
fn marked(text: &str) -> String {
    let mut html = String::new();
    for (at, part) in text.split('`').enumerate() {
        let part = part.replace('&', "&amp;").replace('<', "&lt;");
        html += &if at % 2 == 1 { format!("<code>{part}</code>") } else { part };
    }
    html
}
