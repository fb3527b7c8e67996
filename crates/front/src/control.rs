//! What is not AWS: health, control, metrics. Handed to whoever was set to answer it.

use crate::body::{Body, Inbound};
use crate::front::Front;
use crate::listen::Peer;
use crate::reader::Reader;
use http::request::Parts;
use http::{Response, StatusCode};
use yakumo_aws::Error;

/// The largest body of a control request, in bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Whether a path is one of ours. No AWS operation has a path that begins so.
pub fn is_control(path: &str) -> bool {
    path.starts_with("/_yakumo/") || path.starts_with("/_localstack/") || path == "/metrics"
}

/// Answers a control request.
pub async fn answer(front: &Front, head: Parts, body: Inbound, peer: Peer) -> Response<Body> {
    let Some(control) = front.control.get().cloned() else {
        return plain(StatusCode::NOT_FOUND, "this cloud has no control API");
    };
    match Reader::new(body, BODY_BYTES_MAX, &front.bodies).whole().await {
        Ok(body) => control.handle(head, body.clone(), peer.remote).await,
        Err(Error { message, status, .. }) => {
            plain(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), &message)
        }
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{{\"error\":\"{text}\"}}")));
    *response.status_mut() = status;
    let json = http::HeaderValue::from_static("application/json");
    response.headers_mut().insert(http::header::CONTENT_TYPE, json);
    response
}
