//! `yakumo env`: the settings that point AWS tools at the cloud. Works while the cloud is down, too.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Region};

const EXAMPLES: &str = "\
Examples:
  eval \"$(yakumo env)\"                              sh, bash, zsh
  yakumo env --shell fish | source                  fish
  yakumo env --shell powershell | Out-String | iex  PowerShell
  eval \"$(yakumo env --account 123456789012 --region eu-west-1)\"

The credentials are those of the account's root user. `AWS_PROFILE` and `AWS_SESSION_TOKEN` are unset:
they would win over them.";

/// Options of `yakumo env`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The shell that reads it
    #[arg(long, default_value = "sh")]
    shell: Shell,
    /// Whose root user to be: twelve digits [default: 000000000000]
    #[arg(long, value_parser = parse_account)]
    account: Option<AccountId>,
    /// The region to work in
    #[arg(long, default_value = "us-east-1", value_parser = parse_region)]
    region: Region,
    #[command(flatten)]
    cloud: CloudOptions,
}

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Shell {
    Sh,
    Fish,
    Powershell,
}

/// Variables that would win over the ones that are set.
const UNSET: [&str; 2] = ["AWS_PROFILE", "AWS_SESSION_TOKEN"];

/// Prints the settings.
pub fn run(options: &Options) -> Result<(), Failure> {
    let client = Client::find(&options.cloud)?;
    let settings = settings(&client, options.account, options.region)?;
    let mut out = Terminal::stdout();
    if options.cloud.output == Output::Json {
        return out.json(&settings.into_iter().collect::<BTreeMap<_, _>>());
    }
    for (name, value) in &settings {
        out.line(&options.shell.set(name, value))?;
    }
    for name in UNSET {
        out.line(&options.shell.unset(name))?;
    }
    Ok(())
}

/// The variables of a cloud, with the root user's credentials.
fn settings(
    client: &Client,
    account: Option<AccountId>,
    region: Region,
) -> Result<[(&'static str, String); 5], Failure> {
    let generated = client.state.as_ref().and_then(|state| state.root_key.clone());
    let (id, secret) = match (generated, account) {
        (Some(key), None) => key,
        (Some(_), Some(_)) => {
            return Err(Failure::usage(
                "a cloud that other machines can reach has one root key, of account 000000000000",
            )
            .advise("leave out --account, and make users or roles for other accounts"));
        }
        (None, None) => ("test".to_owned(), "test".to_owned()),
        (None, Some(account)) => (account.to_string(), "test".to_owned()),
    };
    Ok([
        ("AWS_ENDPOINT_URL", client.endpoint.clone()),
        ("AWS_ACCESS_KEY_ID", id),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_DEFAULT_REGION", region.as_str().to_owned()),
        ("AWS_REGION", region.as_str().to_owned()),
    ])
}

impl Shell {
    fn set(self, name: &str, value: &str) -> String {
        match self {
            Shell::Sh => format!("export {name}='{}'", value.replace('\'', r"'\''")),
            Shell::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
            Shell::Powershell => format!("$Env:{name} = '{}'", value.replace('\'', "''")),
        }
    }

    fn unset(self, name: &str) -> String {
        match self {
            Shell::Sh => format!("unset {name}"),
            Shell::Fish => format!("set -e {name}"),
            Shell::Powershell => format!("Remove-Item -ErrorAction Ignore Env:{name}"),
        }
    }
}

fn parse_account(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).ok_or_else(|| "an account id is twelve digits".to_owned())
}

fn parse_region(text: &str) -> Result<Region, String> {
    Region::parse(text).ok_or_else(|| format!("{text} is not an AWS region"))
}

#[cfg(test)]
mod tests {
    use super::Shell;

    #[test]
    fn values_are_quoted_for_their_shell() {
        let set = |shell: Shell| shell.set("X", r"a'b\$(c)");
        assert_eq!(set(Shell::Sh), r"export X='a'\''b\$(c)'");
        assert_eq!(set(Shell::Fish), r"set -gx X 'a\'b\\$(c)'");
        assert_eq!(set(Shell::Powershell), r"$Env:X = 'a''b\$(c)'");
    }
}
