//! The wire protocols of AWS: decoding requests, encoding responses. Knows no service.
