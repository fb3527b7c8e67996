//! IAM speaks awsQuery only, with Coral's validation.

use crate::Sent;
use yakumo_api_iam::{
    CreatePolicyInput, CreateUserInput, CreateUserOutput, ListUsersInput, UpdateRoleInput, User,
};
use yakumo_wire::{Error, Timestamp, decode, encode, encode_error, unknown_operation};

fn sent(form: &str) -> Sent {
    Sent::form("/", &format!("Version=2010-05-08&{form}")).scope("iam")
}

fn text(response: &yakumo_wire::Response) -> &str {
    std::str::from_utf8(response.body.bytes().unwrap()).unwrap()
}

#[test]
fn a_user_is_created() {
    let sent = sent("Action=CreateUser&UserName=ann&Tags.member.1.Key=team&Tags.member.1.Value=a+b");
    let addressed = sent.address().unwrap();
    let input: CreateUserInput = decode(&addressed, sent.request()).unwrap();
    assert_eq!((input.user_name.as_str(), input.path), ("ann", None));
    assert_eq!(input.tags.unwrap()[0].value, "a b");
    let user = User {
        user_name: "ann".into(),
        path: "/".into(),
        create_date: Timestamp::from_secs(1_600_000_000),
        ..User::default()
    };
    let response = encode(&addressed, CreateUserOutput { user: Some(user) }, "r-1");
    assert_eq!(
        text(&response),
        "<CreateUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateUserResult><User><Path>/</Path>\
         <UserName>ann</UserName><UserId></UserId><Arn></Arn><CreateDate>2020-09-13T12:26:40Z</CreateDate></User>\
         </CreateUserResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></CreateUserResponse>"
    );
    assert_eq!(response.headers["content-type"], "text/xml");
}

#[test]
fn violations_are_validation_errors() {
    let check = |form: &str, text: &str| {
        let sent = sent(&format!("Action=CreateUser&{form}"));
        let error = decode::<CreateUserInput>(&sent.address().unwrap(), sent.request()).unwrap_err();
        assert_eq!((error.code.as_ref(), error.message.as_str()), ("ValidationError", text), "{form}");
    };
    check(
        "",
        "1 validation error detected: Value null at 'userName' failed to satisfy constraint: Member must not be null",
    );
    check(
        "UserName=a%20b",
        "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: \
         +=,.@_-",
    );
    check(
        "UserName=",
        "1 validation error detected: Value '' at 'userName' failed to satisfy constraint: Member must have length \
         greater than or equal to 1",
    );
    check(
        "UserName=a&Path=x",
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters \
         and/or / characters.",
    );
    check(
        "UserName=a&Tags.member.1.Value=v",
        "1 validation error detected: Value null at 'tags.1.member.key' failed to satisfy constraint: Member must not be null",
    );
}

#[test]
fn documents_prefixes_and_descriptions_have_texts_of_their_own() {
    let check = |action: &str, form: &str, text: &str| {
        let sent = sent(&format!("Action={action}&{form}"));
        let error = match action {
            "CreatePolicy" => decode::<CreatePolicyInput>(&sent.address().unwrap(), sent.request()).err(),
            "ListUsers" => decode::<ListUsersInput>(&sent.address().unwrap(), sent.request()).err(),
            _ => decode::<UpdateRoleInput>(&sent.address().unwrap(), sent.request()).err(),
        };
        assert_eq!(error.map(|error| error.message).as_deref().unwrap_or_default(), text, "{form}");
    };
    let document =
        "The specified value for policyDocument is invalid. It must contain only printable ASCII characters.";
    check("CreatePolicy", "PolicyName=p&PolicyDocument=%E2%80%9C", document);
    check("CreatePolicy", "PolicyName=p&PolicyDocument=%7B%7D", "");
    let prefix = "The specified value for pathPrefix is invalid. It must begin with the / character and contain only \
                  alphanumeric characters and/or / characters.";
    check("ListUsers", "PathPrefix=x", prefix);
    check("ListUsers", "PathPrefix=/x", "");
    let description = r"1 validation error detected: Value at 'description' failed to satisfy constraint: Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*";
    check("UpdateRole", "RoleName=r&Description=a%E2%80%94b", description);
    check("UpdateRole", "RoleName=r&Description=a%C3%A9b", "");
}

#[test]
fn errors_have_the_codes_of_the_model() {
    let addressed = sent("Action=CreateUser").address().unwrap();
    let error = Error::sender("EntityAlreadyExistsException", "User with name ann already exists.");
    let response = encode_error(Some(addressed.service), addressed.protocol, None, &error, "r-2");
    assert_eq!(response.status, 409);
    assert!(
        text(&response).contains("<Type>Sender</Type><Code>EntityAlreadyExists</Code>"),
        "{}",
        text(&response)
    );
    let unknown = unknown_operation(addressed.service, addressed.protocol, "Fly", None);
    assert_eq!(unknown.message, "Could not find operation Fly for version 2010-05-08");
}
