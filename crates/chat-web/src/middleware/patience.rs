//! No handler takes for ever: a store or a queue that hangs is an answer, too.

use actix_web::{
    Error,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    web::Data,
};

use crate::{
    problem::{ErrorCode, Problem},
    rest::Web,
};

/// Goes round one resource, inside the routing: only there may the request be kept beside the service that answers it.
///
/// # Errors
/// Those of the service.
pub async fn in_time<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let Some(within) = request.app_data::<Data<Web>>().map(|web| web.settings.answer_within) else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let kept = request.request().clone();
    match tokio::time::timeout(within, next.call(request)).await {
        Ok(answer) => Ok(answer?.map_into_left_body()),
        Err(_) => {
            let problem = Problem::new(ErrorCode::Unavailable).retry_ms(1_000).reason("the handler took too long");
            Ok(ServiceResponse::from_err(problem, kept).map_into_right_body())
        }
    }
}
