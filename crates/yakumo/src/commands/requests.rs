//! `yakumo requests`: who asked for what, and what came of it.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::failure::Failure;
use crate::table::{Cell, line};
use crate::terminal::{Paint, Terminal};
use clap::Args;
use yakumo_aws::AccountId;
use yakumo_cloud::control::{RequestLine, RequestList, Verdict};

const EXAMPLES: &str = "\
Examples:
  yakumo requests                        the last requests
  yakumo requests --follow               and those that come
  yakumo requests --denied               only what was denied
  yakumo requests --service sqs --limit 500
  yakumo requests --principal user/amy   of a user, a role's sessions (role/NAME), an ARN
                                         or an access key id
  yakumo why REQUEST-ID                  explain one

With --output json --follow, each request is one line.";

/// How many requests the cloud remembers at most, and gives in one answer.
const REMEMBERED: usize = 4_096;
/// How long a follower waits in one call, in seconds.
const WAIT_S: u64 = 30;
/// Widths of the columns but the last, for a list that grows while it is read.
const WIDTHS: [usize; 8] = [12, 7, 3, 8, 24, 22, 28, 36];

/// Options of `yakumo requests`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Stay, and list requests as they come
    #[arg(long, short)]
    follow: bool,
    /// Only requests that were denied
    #[arg(long)]
    denied: bool,
    /// Only requests to this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Only requests of this principal: an ARN, user/NAME, role/NAME with its sessions, an access key id
    #[arg(long, value_name = "WHO")]
    principal: Option<String>,
    /// How many of the last requests to show
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Lists requests.
pub async fn run(options: Options) -> Result<(), Failure> {
    let client = Client::find(&options.cloud)?;
    let mut out = Terminal::stdout();
    let filter = options.filter();
    // At least one is asked for: with none to show, a follower still needs to know where to begin.
    let limit = options.limit.clamp(1, REMEMBERED);
    let mut list: RequestList = client.get(&format!("/_yakumo/requests?limit={limit}{filter}")).await?;
    let next = list.next;
    let shown = list.requests.split_off(list.requests.len().saturating_sub(options.limit));
    if options.cloud.output == Output::Json && !options.follow {
        return out.json(&RequestList { requests: shown, next });
    }
    if options.cloud.output == Output::Table && (options.follow || !shown.is_empty()) {
        out.line(&heading(&out))?;
    }
    for request in &shown {
        options.show(&mut out, request)?;
    }
    if options.follow { follow(&client, &options, &mut out, next).await } else { Ok(()) }
}

/// Lists requests as they come, until the cloud or the reader is gone.
async fn follow(
    client: &Client,
    options: &Options,
    out: &mut Terminal,
    mut next: u64,
) -> Result<(), Failure> {
    loop {
        let filter = options.filter();
        let path = format!("/_yakumo/requests?after={next}&limit={REMEMBERED}&wait_s={WAIT_S}{filter}");
        let list: RequestList = client.get(&path).await?;
        next = list.next;
        for request in &list.requests {
            options.show(out, request)?;
        }
    }
}

impl Options {
    /// What is wanted, as the end of a query.
    fn filter(&self) -> String {
        let texts = [("service", &self.service), ("principal", &self.principal)];
        let texts = texts.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let encoded = texts.map(|(name, value)| {
            format!(
                "&{name}={}",
                percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC)
            )
        });
        encoded.chain(self.denied.then(|| "&denied=true".to_owned())).collect()
    }

    fn show(&self, out: &mut Terminal, request: &RequestLine) -> Result<(), Failure> {
        if self.cloud.output == Output::Json {
            let text = serde_json::to_string(request).map_err(std::io::Error::from)?;
            return Ok(out.line(&text)?);
        }
        let text = line(out, &cells(request), &WIDTHS);
        Ok(out.line(&text)?)
    }
}

fn heading(out: &Terminal) -> String {
    let names = ["TIME (UTC)", "ALLOWED", "ST.", "MS", "WHO", "FROM", "WHAT", "REQUEST ID", "ERROR"];
    line(out, &names.map(|name| Cell::new(name, Paint::Dim)), &WIDTHS)
}

fn cells(request: &RequestLine) -> [Cell; 9] {
    let (verdict, paint) = match request.verdict {
        Verdict::Allowed => ("allowed", Paint::Good),
        Verdict::Denied => ("DENIED", Paint::Bad),
        Verdict::NotAsked => ("-", Paint::Dim),
    };
    let status = match request.status {
        ..400 => Paint::Good,
        400..500 => Paint::Warn,
        500.. => Paint::Bad,
    };
    [
        Cell::new(request.time.get(11..23).unwrap_or(&request.time), Paint::Dim),
        Cell::new(verdict, paint),
        Cell::new(request.status.to_string(), status),
        Cell::plain(format!("{}.{:03}", request.took_us / 1_000, request.took_us % 1_000)),
        Cell::plain(who(request)),
        Cell::new(from(request), Paint::Dim),
        Cell::new(what(request), Paint::Strong),
        Cell::new(&request.id, Paint::Dim),
        Cell::new(request.error.as_deref().unwrap_or_default(), status),
    ]
}

/// The caller in short: `user/alice`, and its account unless that is the default one.
pub fn who(request: &RequestLine) -> String {
    let (Some(arn), Some(account)) = (&request.principal, &request.account) else { return "-".to_owned() };
    let name = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    if account == AccountId::DEFAULT.as_str() { name.to_owned() } else { format!("{name} ({account})") }
}

/// Where it came from in short: the endpoint, else the interface or NAT gateway, else the address.
fn from(request: &RequestLine) -> &str {
    let Some(origin) = &request.origin else { return &request.source_ip };
    let first = origin.split([' ', ',']).next().unwrap_or(origin);
    origin.rsplit(' ').next().filter(|last| last.starts_with("vpce-")).unwrap_or(first)
}

/// Service and operation: `sqs:SendMessage`.
pub fn what(request: &RequestLine) -> String {
    let service = request.service.as_deref().unwrap_or("-");
    format!("{service}:{}", request.operation.as_deref().unwrap_or("-"))
}

#[cfg(test)]
pub mod tests {
    use super::{from, what, who};
    use yakumo_cloud::control::{RequestLine, Verdict};

    /// A denied request of a user in another account than the default one.
    pub fn denied() -> RequestLine {
        RequestLine {
            sequence: 7,
            id: "id-7".into(),
            time: "2027-01-31T12:00:00.123Z".into(),
            took_us: 1_234,
            source_ip: "127.0.0.1".into(),
            origin: None,
            service: Some("sqs".into()),
            operation: Some("SendMessage".into()),
            region: Some("us-east-1".into()),
            account: Some("123456789012".into()),
            principal: Some("arn:aws:iam::123456789012:user/team/alice".into()),
            access_key_id: Some("AKIAX".into()),
            verdict: Verdict::Denied,
            status: 403,
            error: Some("AccessDenied".into()),
            message: Some("User: alice is not authorized".into()),
        }
    }

    #[test]
    fn who_and_what_are_short() {
        let mut request = denied();
        assert_eq!(who(&request), "user/team/alice (123456789012)");
        assert_eq!(what(&request), "sqs:SendMessage");
        request.account = Some("000000000000".into());
        request.principal = Some("arn:aws:iam::000000000000:root".into());
        assert_eq!(who(&request), "root");
        request.operation = None;
        assert_eq!(what(&request), "sqs:-");
        request.principal = None;
        assert_eq!(who(&request), "-");
    }

    #[test]
    fn where_it_came_from_is_short() {
        let mut request = denied();
        assert_eq!(from(&request), "127.0.0.1");
        request.origin = Some("eni-1 in vpc-1".into());
        assert_eq!(from(&request), "eni-1");
        request.origin = Some("eni-1 in vpc-1, through vpce-1".into());
        assert_eq!(from(&request), "vpce-1");
    }
}
