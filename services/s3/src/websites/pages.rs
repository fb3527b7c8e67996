//! The pages that a website shows for errors when its owner has none.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/CustomErrorDocSupport.html>

use yakumo_aws::Error;
use yakumo_room::{ByteStream, Reply};

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The words for a status.
fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        412 => "Precondition Failed",
        416 => "Requested Range Not Satisfiable",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Error",
    }
}

fn facts(error: &Error) -> String {
    let mut list = format!("<li>Code: {}</li>\n<li>Message: {}</li>\n", error.code, escaped(&error.message));
    for (name, value) in &error.fields {
        list.push_str(&format!("<li>{name}: {}</li>\n", escaped(value)));
    }
    list
}

/// The page for an error; `beside` is what went wrong with the owner's own page.
pub fn page(error: &Error, beside: Option<&Error>, request_id: &str) -> Reply {
    let status = error.status;
    let title = format!("{status} {}", reason(status));
    let mut body = format!(
        "<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n{}<li>RequestId: {}</li>\n\
         </ul>\n",
        facts(error),
        escaped(request_id)
    );
    if let Some(other) = beside {
        body.push_str(
            "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n<ul>\n",
        );
        body.push_str(&facts(other));
        body.push_str("</ul>\n");
    }
    body.push_str("<hr/>\n</body>\n</html>\n");
    let mut headers = told(error, request_id);
    headers.push(("content-type".to_owned(), "text/html; charset=utf-8".to_owned()));
    headers.push(("content-length".to_owned(), body.len().to_string()));
    Reply { status, headers, body: ByteStream::from_bytes(body.into()) }
}

/// The headers that tell programs what went wrong.
pub fn told(error: &Error, request_id: &str) -> Vec<(String, String)> {
    let mut headers = vec![
        ("x-amz-request-id".to_owned(), request_id.to_owned()),
        ("x-amz-error-code".to_owned(), error.code.to_string()),
        ("x-amz-error-message".to_owned(), error.message.to_string()),
    ];
    let fields = error.fields.iter();
    headers.extend(fields.map(|(name, value)| (format!("x-amz-error-detail-{name}"), value.clone())));
    headers
}
