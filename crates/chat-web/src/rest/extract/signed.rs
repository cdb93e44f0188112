//! Who asks: an access token in `Authorization: Bearer` (RFC 6750 §2.1), and nowhere else.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Data};
use chat_domain::{ids::UserId, limits::Rate, ports::AccessClaims};

use crate::{
    problem::{ErrorCode, Problem},
    rest::Web,
};

/// Somebody who is signed in, and within the rate.
pub(crate) struct Signed {
    /// Who.
    pub(crate) user: UserId,
    /// By which token.
    pub(crate) claims: AccessClaims,
}

impl FromRequest for Signed {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(sign(request))
    }
}

fn sign(request: &HttpRequest) -> Result<Signed, Problem> {
    let web = request.app_data::<Data<Web>>().ok_or_else(|| Problem::new(ErrorCode::Internal))?;
    let token = bearer(request).ok_or_else(|| Problem::new(ErrorCode::Unauthenticated))?;
    let claims = web.chat.authenticate(token)?;
    web.chat.count(&Rate::RestOfUser(claims.user))?;
    Ok(Signed { user: claims.user, claims })
}

/// The token of the one `Authorization` header; the scheme has no case (RFC 9110 §11.1).
fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut given = request.headers().get_all(header::AUTHORIZATION);
    let value = given.next()?.to_str().ok().filter(|_| given.next().is_none())?;
    let (scheme, token) = value.split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}
