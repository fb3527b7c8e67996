//! AddPermission and RemovePermission: statements of the queue's policy, each under its label.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html>

use crate::changes::change_record;
use crate::queue::text::is_valid_label;
use crate::state::QueueRecord;
use crate::{error, policies};
use serde_json::{Value, json};
use yakumo_api_sqs::{
    AddPermissionInput, AddPermissionOutput, RemovePermissionInput, RemovePermissionOutput,
};
use yakumo_aws::{AccountId, Result};
use yakumo_room::{Ctx, Pins, Resource};

const ACTIONS_MAX: usize = 7;

/// The actions that can be given to others, as the policy writes them. Batches go with the single operation.
const ACTIONS: &[&str] = &[
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html>
pub async fn add_permission(ctx: Ctx, input: AddPermissionInput) -> Result<AddPermissionOutput> {
    check_label(&input.label)?;
    let accounts = accounts(&input.aws_account_ids)?;
    let actions = actions(&input.actions)?;
    let now = ctx.now();
    change_record(&ctx, &input.queue_url, |record| {
        let arn = record.arn();
        let mut statements = statements(record)?;
        if position(&statements, &input.label).is_some() {
            return Err(error::invalid_parameter(&input.label, "Label", "Already exists."));
        }
        let partition = record.region.partition().as_str();
        let principals = accounts.iter().map(|account| json!(format!("arn:{partition}:iam::{account}:root")));
        statements.push(json!({
            "Sid": input.label,
            "Effect": "Allow",
            "Principal": { "AWS": one_or_many(principals.collect()) },
            "Action": one_or_many(actions.iter().map(|action| json!(format!("SQS:{action}"))).collect()),
            "Resource": arn,
        }));
        record.modified_at = now;
        put_back(record, statements)
    })
    .await?;
    Ok(AddPermissionOutput {})
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_RemovePermission.html>
pub async fn remove_permission(ctx: Ctx, input: RemovePermissionInput) -> Result<RemovePermissionOutput> {
    check_label(&input.label)?;
    let now = ctx.now();
    change_record(&ctx, &input.queue_url, |record| {
        let mut statements = statements(record)?;
        let Some(place) = position(&statements, &input.label) else {
            let reason = "can't find label on existing policy.";
            return Err(error::invalid_parameter(&input.label, "Label", reason));
        };
        statements.remove(place);
        record.modified_at = now;
        put_back(record, statements)
    })
    .await?;
    Ok(RemovePermissionOutput {})
}

fn check_label(label: &str) -> Result<()> {
    if is_valid_label(label) {
        return Ok(());
    }
    let reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.";
    Err(error::invalid_parameter(label, "Label", reason))
}

fn accounts(given: &[String]) -> Result<Vec<AccountId>> {
    if given.is_empty() {
        return Err(error::missing_parameter("AWSAccountIds"));
    }
    let parse = |text: &String| {
        AccountId::parse(text)
            .ok_or_else(|| error::invalid_parameter(format!("[{text}]"), "PrincipalId", "Unable to verify."))
    };
    given.iter().map(parse).collect()
}

fn actions(given: &[String]) -> Result<Vec<&'static str>> {
    if given.is_empty() {
        return Err(error::missing_parameter("Actions"));
    }
    if given.len() > ACTIONS_MAX {
        let text = format!("{} Actions were found, maximum allowed is {ACTIONS_MAX}.", given.len());
        return Err(error::over_limit(text));
    }
    let find = |text: &String| {
        if text == "*" {
            return Ok("*");
        }
        let known = ACTIONS.iter().find(|action| action.eq_ignore_ascii_case(text)).copied();
        let reason = "Please refer to the appropriate WSDL for a list of valid actions.";
        known.ok_or_else(|| error::invalid_parameter(format!("SQS:{text}"), "ActionName", reason))
    };
    given.iter().map(find).collect()
}

fn one_or_many(mut values: Vec<Value>) -> Value {
    match values.len() {
        1 => values.remove(0),
        _ => Value::Array(values),
    }
}

fn document(record: &QueueRecord) -> Result<Value> {
    match &record.attributes.policy {
        Some(text) => serde_json::from_str(text).map_err(yakumo_aws::Error::internal),
        None => Ok(json!({ "Version": "2008-10-17", "Id": format!("{}/SQSDefaultPolicy", record.arn()) })),
    }
}

fn statements(record: &QueueRecord) -> Result<Vec<Value>> {
    Ok(match document(record)?.get("Statement") {
        Some(Value::Array(statements)) => statements.clone(),
        Some(statement) => vec![statement.clone()],
        None => Vec::new(),
    })
}

fn position(statements: &[Value], label: &str) -> Option<usize> {
    statements.iter().position(|statement| statement.get("Sid").and_then(Value::as_str) == Some(label))
}

/// A policy without statements is none. Whoever its other statements name stays who it was.
fn put_back(record: &mut QueueRecord, statements: Vec<Value>) -> Result<()> {
    if statements.is_empty() {
        record.attributes.policy = None;
        record.attributes.pins = Pins::default();
        return Ok(());
    }
    let mut document = document(record)?;
    if let Some(map) = document.as_object_mut() {
        map.insert("Statement".to_owned(), Value::Array(statements));
    }
    record.attributes.policy = policies::check(&document.to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{accounts, actions, check_label};

    #[test]
    fn what_can_be_given_to_whom() {
        let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(actions(&strings(&["sendmessage", "*"])).unwrap(), ["SendMessage", "*"]);
        let refused = actions(&strings(&["CreateQueue"])).unwrap_err();
        let text = "Value SQS:CreateQueue for parameter ActionName is invalid. Reason: Please refer to the \
                    appropriate WSDL for a list of valid actions.";
        assert_eq!(refused.message, text);
        let many = actions(&strings(&["SendMessage"; 8])).unwrap_err();
        assert_eq!(
            (&*many.code, &*many.message),
            ("OverLimit", "8 Actions were found, maximum allowed is 7.")
        );
        assert!(accounts(&strings(&["111122223333"])).is_ok());
        let text = "Value [1] for parameter PrincipalId is invalid. Reason: Unable to verify.";
        assert_eq!(accounts(&strings(&["1"])).unwrap_err().message, text);
        assert_eq!(accounts(&[]).unwrap_err().code, "MissingParameter");
        assert!(check_label("a-b_1").is_ok() && check_label("a b").is_err());
    }
}
