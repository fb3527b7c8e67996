//! Answers of the control API: JSON with a status, never a header that lets a web page read them.

use super::frames::PROTOCOL;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use yakumo_front::Takeover;

/// What is answered to a request that is not fulfilled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refusal {
    /// What is wrong.
    pub error: RefusalError,
}

/// A code for programs and a sentence for people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RefusalError {
    /// `Forbidden`, `BadRequest`, `NotFound`, `Conflict`, `MethodNotAllowed`, `Failed`, `Stopping`.
    pub code: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The answer to a change that has nothing more to say.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Done {
    /// Always `true`.
    pub done: bool,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    content_type: &'static str,
    pub(crate) body: Bytes,
    /// Who goes on with the connection.
    takeover: Option<Takeover>,
}

impl Answer {
    /// Status 200 with a JSON body.
    pub(crate) fn json(value: &impl Serialize) -> Answer {
        Answer::json_with(StatusCode::OK, value)
    }

    fn json_with(status: StatusCode, value: &impl Serialize) -> Answer {
        match serde_json::to_vec(value) {
            Ok(body) => {
                Answer { status, content_type: "application/json", body: body.into(), takeover: None }
            }
            Err(error) => {
                tracing::error!(%error, "an answer could not be written as JSON");
                Answer {
                    status: StatusCode::INTERNAL_SERVER_ERROR,
                    content_type: "text/plain",
                    body: Bytes::new(),
                    takeover: None,
                }
            }
        }
    }

    /// The change was made.
    pub(crate) fn done() -> Answer {
        Answer::json(&Done { done: true })
    }

    /// Status 200 with text that has a content type of its own.
    pub(crate) fn text(content_type: &'static str, body: String) -> Answer {
        Answer { status: StatusCode::OK, content_type, body: body.into(), takeover: None }
    }

    /// The connection goes on without HTTP.
    pub(crate) fn takeover(takeover: Takeover) -> Answer {
        let status = StatusCode::SWITCHING_PROTOCOLS;
        Answer { status, content_type: "", body: Bytes::new(), takeover: Some(takeover) }
    }

    /// It goes on only without HTTP, and the request does not ask for that.
    pub(crate) fn upgrade_required() -> Answer {
        let text = format!("ask for it with `Connection: upgrade` and `Upgrade: {PROTOCOL}` over HTTP/1.1");
        Answer::refusal(StatusCode::UPGRADE_REQUIRED, "UpgradeRequired", text)
    }

    fn refusal(status: StatusCode, code: &str, message: impl Into<String>) -> Answer {
        Answer::json_with(
            status,
            &Refusal { error: RefusalError { code: code.to_owned(), message: message.into() } },
        )
    }

    /// Who asks may not.
    pub(crate) fn forbidden(message: impl Into<String>) -> Answer {
        Answer::refusal(StatusCode::FORBIDDEN, "Forbidden", message)
    }

    /// The request makes no sense.
    pub(crate) fn bad_request(message: impl Into<String>) -> Answer {
        Answer::refusal(StatusCode::BAD_REQUEST, "BadRequest", message)
    }

    /// What was named is not there.
    pub(crate) fn not_found(message: impl Into<String>) -> Answer {
        Answer::refusal(StatusCode::NOT_FOUND, "NotFound", message)
    }

    /// The path exists, but not with this method.
    pub(crate) fn method_not_allowed(allowed: &str) -> Answer {
        let message = format!("this path answers {allowed} only");
        Answer::refusal(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message)
    }

    /// What is there stands against it.
    pub(crate) fn conflict(message: impl Into<String>) -> Answer {
        Answer::refusal(StatusCode::CONFLICT, "Conflict", message)
    }

    /// It was tried and failed. The control API's clients own the cloud, so they get the cause.
    pub(crate) fn failed(error: &dyn std::error::Error) -> Answer {
        tracing::error!(%error, "a control request failed");
        Answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, "Failed", error.to_string())
    }

    /// The cloud comes to its end.
    pub(crate) fn stopping() -> Answer {
        Answer::refusal(StatusCode::SERVICE_UNAVAILABLE, "Stopping", "the cloud is stopping")
    }

    /// As the front door sends it.
    pub(crate) fn into_http(self) -> Response<yakumo_front::body::Body> {
        let mut response = Response::new(yakumo_front::body::Body::full(self.body));
        *response.status_mut() = self.status;
        if let Some(takeover) = self.takeover {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static(PROTOCOL));
            response.extensions_mut().insert(takeover);
            return response;
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        // Answers change from one moment to the next, and a browser must not guess at their type.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}
