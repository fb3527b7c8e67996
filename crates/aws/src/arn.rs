//! Amazon Resource Names: six fields separated by colons, the last of which may hold more colons.

use std::fmt;

/// A parsed ARN. The fields are kept as written; empty ones stay empty (an S3 bucket has no region or account).
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Arn {
    text: String,
    ends: [usize; 5],
}

/// Why a text is not an ARN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ArnError;

impl fmt::Display for ArnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an ARN is arn:partition:service:region:account:resource")
    }
}

impl std::error::Error for ArnError {}

impl Arn {
    /// Puts an ARN together from its fields.
    pub fn new(partition: &str, service: &str, region: &str, account: &str, resource: &str) -> Arn {
        let text = format!("arn:{partition}:{service}:{region}:{account}:{resource}");
        Arn::parse(&text).expect("six fields make an ARN")
    }

    /// Parses `arn:partition:service:region:account:resource`. Partition, service and resource must not be empty.
    pub fn parse(text: &str) -> Result<Arn, ArnError> {
        let mut ends = [0; 5];
        let mut colons = text.match_indices(':').map(|(at, _)| at);
        for end in &mut ends {
            *end = colons.next().ok_or(ArnError)?;
        }
        let arn = Arn { text: text.to_owned(), ends };
        let whole = arn.field(0) == "arn"
            && !arn.partition().is_empty()
            && !arn.service().is_empty()
            && !arn.resource().is_empty();
        if whole { Ok(arn) } else { Err(ArnError) }
    }

    fn field(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] + 1 };
        let end = if index == 5 { self.text.len() } else { self.ends[index] };
        &self.text[start..end]
    }

    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub fn partition(&self) -> &str {
        self.field(1)
    }

    /// The service's namespace, such as `sqs`.
    pub fn service(&self) -> &str {
        self.field(2)
    }

    /// The region's name, or the empty text for global resources.
    pub fn region(&self) -> &str {
        self.field(3)
    }

    /// The owner's account id, or the empty text.
    pub fn account(&self) -> &str {
        self.field(4)
    }

    /// Everything behind the fifth colon.
    pub fn resource(&self) -> &str {
        self.field(5)
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::Arn;

    #[test]
    fn the_resource_keeps_its_colons() {
        let arn = Arn::parse("arn:aws:logs:eu-west-1:123456789012:log-group:a:*").unwrap();
        assert_eq!(
            (arn.service(), arn.region(), arn.account(), arn.resource()),
            ("logs", "eu-west-1", "123456789012", "log-group:a:*")
        );
        assert_eq!(Arn::new("aws", "s3", "", "", "bucket/key").as_str(), "arn:aws:s3:::bucket/key");
    }

    #[test]
    fn fewer_fields_are_no_arn() {
        for bad in
            ["", "arn", "arn:aws:sqs:us-east-1:1", "urn:aws:sqs:r:a:q", "arn::sqs:r:a:q", "arn:aws:sqs:r:a:"]
        {
            assert!(Arn::parse(bad).is_err(), "{bad}");
        }
    }
}
