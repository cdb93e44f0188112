//! What: a JSON body, whole within its time and size, strict, and read into words before a handler sees it.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::Payload,
    http::header,
    web::{BytesMut, Data},
};
use chat_domain::usecases::Chat;
use futures_util::StreamExt as _;
use serde_json::{Map, Value};

use crate::{
    json::{self, FieldError, Fields},
    problem::{ErrorCode, Problem},
    rest::Web,
};

/// A body that was read.
pub(crate) struct Body<T>(pub(crate) T);

/// Something that a body says.
pub(crate) trait FromJson: Sized {
    /// Every member is optional, so the body itself is, too.
    const MAY_BE_ABSENT: bool = false;

    /// Reads the members.
    fn from_json(fields: Fields<'_>, chat: &Chat) -> Result<Self, Vec<FieldError>>;
}

impl<T: FromJson> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let web = request.app_data::<Data<Web>>().ok_or_else(|| Problem::new(ErrorCode::Internal))?;
            let value = if T::MAY_BE_ABSENT && !has_body(&request) {
                Value::Object(Map::new())
            } else {
                check_type(&request)?;
                json::parse(&collect(&request, payload, web).await?)?
            };
            Ok(Self(T::from_json(Fields::of(&value)?, &web.chat)?))
        })
    }
}

/// Whether there is a body at all (RFC 9112 §6.3).
fn has_body(request: &HttpRequest) -> bool {
    let length = request.headers().get(header::CONTENT_LENGTH);
    request.headers().contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length.as_bytes() != b"0")
}

fn check_type(request: &HttpRequest) -> Result<(), Problem> {
    if request.content_type().eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(Problem::new(ErrorCode::UnsupportedMedia).detail("the body must be application/json").closing())
}

/// The whole body. A declared length is refused before anything of it is read.
async fn collect(request: &HttpRequest, mut payload: Payload, web: &Web) -> Result<BytesMut, Problem> {
    let most = web.settings.body_bytes;
    let too_large = || Problem::new(ErrorCode::TooLarge).detail(format!("a body has at most {most} bytes")).closing();
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if declared.is_some_and(|length: u64| length > u64::try_from(most).unwrap_or(u64::MAX)) {
        return Err(too_large());
    }
    let reading = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Problem::bad_request("the body broke off").closing())?;
            if body.len() + chunk.len() > most {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    let slow = |_| Problem::new(ErrorCode::Timeout).detail("the body did not arrive in time").closing();
    tokio::time::timeout(web.settings.body_within, reading).await.map_err(slow)?
}
