//! The one error that handlers and pipeline steps return: AWS's words for the client, the cause for the log.

use std::borrow::Cow;
use std::fmt;

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Whose mistake it was: it decides between `Sender` and `Receiver` in XML errors and between 4xx and 5xx.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The caller's (`Sender`, `Client`).
    Sender,
    /// The cloud's (`Receiver`, `Server`).
    Receiver,
}

/// An error as AWS's services answer it.
///
/// `code` is the shape name of the model when the error is modelled (`QueueDoesNotExist`), else AWS's documented
/// common code; the wire layer adds what a protocol calls it (`AWS.SimpleQueueService.NonExistentQueue`).
/// `message` goes to the client word for word; `source` goes to the log only.
#[derive(Debug)]
pub struct Error {
    /// AWS's error code.
    pub code: Cow<'static, str>,
    /// AWS's text for the client.
    pub message: String,
    /// The HTTP status; the model's status wins where the model has one.
    pub status: u16,
    /// Whose mistake it was.
    pub fault: Fault,
    /// Further members of the error's shape, such as S3's `BucketName`.
    pub fields: Vec<(Cow<'static, str>, String)>,
    /// Headers of the answer beyond the protocol's, with names in lower case.
    pub headers: Vec<(&'static str, String)>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// The caller's mistake: status 400.
    pub fn sender(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Error {
        Error {
            code: code.into(),
            message: message.into(),
            status: 400,
            fault: Fault::Sender,
            fields: Vec::new(),
            headers: Vec::new(),
            source: None,
        }
    }

    /// Our own failure: status 500, code `InternalFailure`. The cause is for the log; the client sees AWS's text.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error {
            code: Cow::Borrowed("InternalFailure"),
            message: "The request processing has failed because of an unknown error, exception or failure."
                .into(),
            status: 500,
            fault: Fault::Receiver,
            fields: Vec::new(),
            headers: Vec::new(),
            source: Some(source.into()),
        }
    }

    /// The cloud cannot serve now (a full disk, a stop): status 503, code `ServiceUnavailable`.
    pub fn unavailable(message: impl Into<String>) -> Error {
        Error { status: 503, fault: Fault::Receiver, ..Error::sender("ServiceUnavailable", message) }
    }

    /// The same error with another HTTP status.
    pub fn with_status(mut self, status: u16) -> Error {
        self.status = status;
        self
    }

    /// The same error with the fault laid at another door.
    pub fn with_fault(mut self, fault: Fault) -> Error {
        self.fault = fault;
        self
    }

    /// The same error with one more member of its shape.
    pub fn with_field(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Error {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// The same error with one more header in its answer.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Error {
        self.headers.push((name, value.into()));
        self
    }

    /// The same error with a cause for the log.
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        self.source = Some(source.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
