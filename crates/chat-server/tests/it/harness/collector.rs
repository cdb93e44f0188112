//! A collector of traces that takes OTLP over HTTP, or answers otherwise, or never.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use prost::Message as _;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::{Options, eventually, read_head};

/// What it does with an export.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// Answers with this status.
    Answers(u16),
    /// Reads, and never answers.
    Hangs,
}

/// A running collector; it ends with the value.
pub(crate) struct Collector {
    address: SocketAddr,
    manner: Arc<Mutex<Manner>>,
    exports: Arc<Mutex<Vec<Vec<u8>>>>,
    task: JoinHandle<()>,
}

/// A span as the tests look at it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) kind: i32,
    pub(crate) is_error: bool,
    pub(crate) attributes: HashMap<String, String>,
    /// Trace and span of each.
    pub(crate) links: Vec<(String, String)>,
    pub(crate) resource: HashMap<String, String>,
}

impl Collector {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (manner, exports) = (Arc::new(Mutex::new(manner)), Arc::new(Mutex::new(Vec::new())));
        let (how, kept) = (Arc::clone(&manner), Arc::clone(&exports));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&how), Arc::clone(&kept)));
            }
        });
        Self { address, manner, exports, task }
    }

    /// A server that exports every trace to it, unless `options` say otherwise later.
    pub(crate) fn of(&self, options: Options) -> Options {
        options.set("TRACE__ENDPOINT", format!("http://{}", self.address)).set("TRACE__SAMPLE_RATIO", 1)
    }

    pub(crate) fn behaves(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// How many exports it has read.
    pub(crate) fn exports(&self) -> usize {
        self.exports.lock().unwrap().len()
    }

    /// Everything it was sent, as bytes: names and values of spans are plain text in them.
    pub(crate) fn raw(&self) -> Vec<u8> {
        self.exports.lock().unwrap().concat()
    }

    /// All spans so far.
    pub(crate) fn spans(&self) -> Vec<Told> {
        let exports = self.exports.lock().unwrap();
        let requests = exports.iter().map(|body| ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
        let mut spans = Vec::new();
        for of_resource in requests.flat_map(|request| request.resource_spans) {
            let resource = texts(&of_resource.resource.unwrap().attributes);
            for span in of_resource.scope_spans.into_iter().flat_map(|of_scope| of_scope.spans) {
                spans.push(told(span, &resource));
            }
        }
        spans
    }

    /// Waits for a span like this.
    pub(crate) async fn hears(&self, what: &str, is: impl Fn(&Told) -> bool) -> Told {
        eventually(what, async || self.spans().iter().any(&is)).await;
        self.spans().into_iter().find(is).unwrap()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, manner: Arc<Mutex<Manner>>, exports: Arc<Mutex<Vec<Vec<u8>>>>) {
    let head = read_head(&mut stream).await.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-protobuf\r\n"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    let manner = *manner.lock().unwrap();
    match manner {
        Manner::Answers(status) => {
            if status == 200 {
                exports.lock().unwrap().push(body);
            }
            let answer =
                format!("HTTP/1.1 {status} X\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        Manner::Hangs => {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    }
}

fn told(span: Span, resource: &HashMap<String, String>) -> Told {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Told {
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        kind: span.kind,
        is_error: span.status.is_some_and(|status| status.code == 2),
        attributes: texts(&span.attributes),
        links: span.links.iter().map(|link| (hex(&link.trace_id), hex(&link.span_id))).collect(),
        resource: resource.clone(),
        name: span.name,
    }
}

fn texts(attributes: &[KeyValue]) -> HashMap<String, String> {
    let text = |attribute: &KeyValue| {
        let value = attribute.value.as_ref().unwrap().value.as_ref().unwrap();
        if let Value::StringValue(text) = value {
            return text.clone();
        }
        let Value::IntValue(number) = value else { panic!("{value:?}") };
        number.to_string()
    };
    attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute))).collect()
}
