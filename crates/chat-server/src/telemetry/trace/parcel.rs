//! Spans as OTLP wants them: named and labelled by OpenTelemetry's conventions, then encoded.
//!
//! The rest of the house names fields as its log lines do; only here is known what the world calls them
//! (semantic conventions for HTTP, v1.23 and later).

use bytes::Bytes;
use opentelemetry::{Key, KeyValue, Value, trace::SpanKind, trace::Status};
use opentelemetry_proto::{
    tonic::collector::trace::v1::ExportTraceServiceRequest,
    transform::{common::tonic::ResourceAttributesWithSchema, trace::tonic::group_spans_by_resource_and_scope},
};
use opentelemetry_sdk::trace::SpanData;
use prost::Message as _;

/// One export.
pub(super) struct Parcel {
    /// The request's body.
    pub(super) body: Bytes,
    /// How many spans are in it.
    pub(super) spans: usize,
}

impl Parcel {
    /// Packs spans of this process.
    pub(super) fn of(spans: Vec<SpanData>, resource: &ResourceAttributesWithSchema) -> Self {
        let count = spans.len();
        let spans = spans.into_iter().map(conventional).collect();
        let resource_spans = group_spans_by_resource_and_scope(spans, resource);
        Self { body: ExportTraceServiceRequest { resource_spans }.encode_to_vec().into(), spans: count }
    }
}

fn conventional(mut span: SpanData) -> SpanData {
    let is_request = span.name == "request";
    match span.name.as_ref() {
        "request" => {
            let of = |name| find(&span.attributes, name).map(|value| value.as_str().into_owned());
            let name = [of("method"), of("route")].into_iter().flatten().collect::<Vec<_>>().join(" ");
            span.name = if name.is_empty() { "request".into() } else { name.into() };
            span.span_kind = SpanKind::Server;
        }
        "frame" => {
            let kind = find(&span.attributes, "type").map(|value| format!("frame {}", value.as_str()));
            span.name = kind.map_or("frame".into(), Into::into);
            span.span_kind = SpanKind::Server;
        }
        "connection" => span.span_kind = SpanKind::Server,
        _ => {}
    }
    if is_fault(&span.attributes) {
        span.status = Status::error("");
    }
    for attribute in &mut span.attributes {
        if let Some(name) = convention(attribute.key.as_str(), is_request) {
            attribute.key = Key::from_static_str(name);
        }
    }
    span
}

fn convention(name: &str, is_request: bool) -> Option<&'static str> {
    match name {
        "method" if is_request => Some("http.request.method"),
        "route" if is_request => Some("http.route"),
        "status" if is_request => Some("http.response.status_code"),
        "code" if is_request => Some("error.type"),
        "error" => Some("error.type"),
        _ => None,
    }
}

/// A client's mistake is no fault of the server's.
fn is_fault(attributes: &[KeyValue]) -> bool {
    let is_5xx = matches!(find(attributes, "status"), Some(Value::I64(500..)));
    is_5xx
        || find(attributes, "error").is_some_and(|code| ["internal", "unavailable"].contains(&code.as_str().as_ref()))
}

fn find<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key.as_str() == name).map(|attribute| &attribute.value)
}
