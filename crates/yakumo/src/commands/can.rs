//! `yakumo can`: asks what a principal may do, before anybody does it. The exit code is the answer.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::commands::decisions::{Keys, caller_lines, decision_lines, fact};
use crate::failure::{Exit, Failure};
use crate::terminal::{Paint, Terminal, printable};
use clap::Args;
use yakumo_cloud::control::{CanAnswer, CanQuestion};

const EXAMPLES: &str = "\
Examples:
  yakumo can user/amy sqs:SendMessage arn:aws:sqs:us-east-1:000000000000:jobs
  yakumo can role/deploy iam:PassRole arn:aws:iam::000000000000:role/app \\
      --context iam:PassedToService=lambda.amazonaws.com
  yakumo can user/amy iam:CreateUser --context aws:MultiFactorAuthPresent=true
  yakumo can s3.amazonaws.com sqs:SendMessage arn:aws:sqs:us-east-1:000000000000:jobs \\
      --context aws:SourceArn=arn:aws:s3:::photos
  yakumo can AKIAIOSFODNN7EXAMPLE sts:AssumeRole arn:aws:iam::111122223333:role/auditor

Exit codes: 0 it may, 1 it may not, 2 the question makes no sense, 7 no yakumo answers,
8 there is no such principal.";

/// Options of `yakumo can`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Who: an ARN, root, user/NAME, role/NAME, assumed-role/NAME/SESSION, an access key id, a service, anonymous
    principal: String,
    /// The IAM action, such as sqs:SendMessage
    action: String,
    /// The resource's ARN [default: *]
    resource: Option<String>,
    /// A condition key of the request, once for each of its values; `KEY=` for one that it does not have
    #[arg(long, value_name = "KEY=VALUE", num_args = 1)]
    context: Vec<String>,
    /// The account of a principal without an ARN [default: 000000000000]
    #[arg(long, value_name = "ACCOUNT")]
    account: Option<String>,
    /// The region that is asked [default: the resource's, else us-east-1]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Show the condition keys, as the policies saw them
    #[arg(long)]
    keys: bool,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Asks, shows the answer, and fails when it is no.
pub async fn run(options: Options) -> Result<(), Failure> {
    let question = CanQuestion {
        principal: options.principal.clone(),
        action: options.action.clone(),
        resource: options.resource.clone(),
        context: context(&options.context)?,
        account: options.account.clone(),
        region: options.region.clone(),
    };
    let client = Client::find(&options.cloud)?;
    let answer: CanAnswer = client.ask("/_yakumo/can", &question).await?;
    let mut out = Terminal::stdout();
    if options.cloud.output == Output::Json {
        out.json(&answer)?;
    } else {
        for line in render(&out, &question, &answer, options.keys) {
            out.line(&line)?;
        }
    }
    // The answer is shown; an error message would say it twice.
    if answer.allowed { Ok(()) } else { Err(Failure::new(Exit::Failed, "")) }
}

/// Condition keys as they are written on the command line. A key that comes twice has both values.
fn context(given: &[String]) -> Result<Keys, Failure> {
    let mut keys = Keys::new();
    for text in given {
        let Some((key, value)) = text.split_once('=') else {
            return Err(Failure::usage(format!("--context {text}: there is no `=` in it"))
                .advise("--context aws:SourceIp=203.0.113.7"));
        };
        let values = keys.entry(key.to_owned()).or_default();
        values.extend(Some(value).filter(|value| !value.is_empty()).map(str::to_owned));
    }
    Ok(keys)
}

fn render(to: &Terminal, question: &CanQuestion, answer: &CanAnswer, keys: bool) -> Vec<String> {
    let (word, paint) = if answer.allowed { ("yes", Paint::Good) } else { ("NO", Paint::Bad) };
    let resource = question.resource.as_deref().unwrap_or("*");
    let title = format!("{} {} {resource}", question.principal, question.action);
    let mut lines =
        vec![format!("{}  {}", to.paint(paint, word), to.paint(Paint::Strong, &printable(&title)))];
    lines.extend(caller_lines(to, &answer.caller));
    lines.extend(answer.notes.iter().map(|note| fact(to, "note", note)));
    if let Some(decision) = &answer.decision {
        lines.push(String::new());
        lines.extend(decision_lines(to, decision, keys));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::context;

    #[test]
    fn condition_keys_have_a_value_each_time() {
        let given =
            |texts: &[&str]| context(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        let keys = given(&["aws:TagKeys=a,b", "aws:TagKeys=c", "aws:SourceIp=", "x:y=a=b"]).unwrap();
        assert_eq!(keys["aws:TagKeys"], ["a,b", "c"]);
        assert!(keys["aws:SourceIp"].is_empty());
        assert_eq!(keys["x:y"], ["a=b"]);
        assert!(given(&["aws:SourceIp"]).is_err());
    }
}
