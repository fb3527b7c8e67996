//! The bytes of every record as version 1 wrote them: a later release must still open them.

use crate::state::access_report::{AccessReport, ReportedEntity};
use crate::state::deletion_task::DeletionTask;
use crate::state::last_use::{KeyUse, PrincipalUse};
use crate::state::{
    AccessKey, AccountAlias, AliasOwner, Attachment, AuthorizationKey, CredentialReport, Group,
    InstanceProfile, LoginProfile, Member, MfaDevice, MfaLink, MfaSeed, OidcProvider, PasswordPolicy, Policy,
    ReportTask, Role, RootUser, SamlProvider, ServerCertificate, ServerKey, ServiceCredential, Session,
    SessionEnd, SigningCertificate, SigningPrint, SshPublicKey, TokenPreference, User,
};
use yakumo_room::Record;

/// The stored text opens, and is written again as it was.
fn check<R: Record>(json: &str) {
    assert_eq!(R::VERSION, 1, "{}: keep the old text, add one for the new version", R::TABLE);
    let bytes = [&[1], json.as_bytes()].concat();
    let record = R::from_bytes(&bytes).unwrap_or_else(|error| panic!("{}: {error}", R::TABLE));
    assert_eq!(String::from_utf8_lossy(&record.to_bytes()[1..]), json, "{}", R::TABLE);
}

#[test]
fn version_one_of_each_record() {
    check::<User>(
        r#"{"account":"111122223333","folded":"alice","name":"Alice","path":"/dev/","unique_id":"AIDAEXAMPLE","created":1700000000000,"tags":{"team":"blue"},"grants":{"inline":{"p":"{}"},"attached":["arn:aws:iam::aws:policy/IAMFullAccess"],"boundary":null},"groups":["devs"],"access_keys":["AKIAEXAMPLE"]}"#,
    );
    check::<Group>(
        r#"{"account":"111122223333","folded":"devs","name":"devs","path":"/","unique_id":"AGPAEXAMPLE","created":1700000000000,"grants":{"inline":{},"attached":[],"boundary":null}}"#,
    );
    check::<Role>(
        r#"{"account":"111122223333","folded":"reader","name":"reader","path":"/","unique_id":"AROAEXAMPLE","created":1700000000000,"tags":{},"grants":{"inline":{},"attached":[],"boundary":"arn:aws:iam::111122223333:policy/edge"},"description":"reads","max_session_s":3600,"trust":"{}","pins":{"arn:aws:iam::111122223333:user/alice":"AIDAEXAMPLE"},"profiles":["web"]}"#,
    );
    check::<Policy>(
        r#"{"account":"111122223333","folded":"p","name":"p","path":"/","unique_id":"ANPAEXAMPLE","created":1700000000000,"updated":1700000000001,"description":null,"tags":{},"default_version":1,"next_version":3,"versions":{"1":{"document":"{}","created":1700000000000},"2":{"document":"{}","created":1700000000001}}}"#,
    );
    check::<InstanceProfile>(
        r#"{"account":"111122223333","folded":"web","name":"web","path":"/","unique_id":"AIPAEXAMPLE","created":1700000000000,"tags":{},"role":"reader"}"#,
    );
    check::<AccessKey>(
        r#"{"id":"AKIAEXAMPLE","secret":"s","account":"111122223333","user":"alice","active":true,"created":1700000000000}"#,
    );
    check::<RootUser>(r#"{"access_keys":["AKIAEXAMPLE"]}"#);
    check::<Attachment>(
        r#"{"policy_arn":"arn:aws:iam::111122223333:policy/p","usage":"Permissions","kind":"user","folded":"alice","name":"Alice","path":"/","unique_id":"AIDAEXAMPLE"}"#,
    );
    check::<Member>(r#"{"group":"devs","user":"alice"}"#);
    check::<Session>(
        r#"{"id":"ASIAEXAMPLE","secret":"s","token":"t","account":"111122223333","issued":1700000000000,"expires":1700000900000,"subject":{"Role":{"folded":"reader","unique_id":"AROAEXAMPLE","session_name":"s1","tags":{"team":"blue"},"transitive":["team"],"source_identity":"alice"}},"policies":{"inline":"{}","arns":[]}}"#,
    );
    check::<Session>(
        r#"{"id":"ASIAEXAMPLE","secret":"s","token":"t","account":"111122223333","issued":1700000000000,"expires":1700000900000,"subject":{"User":{"folded":"alice","unique_id":"AIDAEXAMPLE"}},"policies":null}"#,
    );
    check::<PrincipalUse>(
        r#"{"account":"111122223333","unique_id":"AIDAEXAMPLE","services":{"sqs":{"at":1700000000000,"region":"us-east-1"}}}"#,
    );
    check::<AccessReport>(
        r#"{"id":"1","account":"111122223333","asked_by":"AIDAEXAMPLE","created":1700000000000,"services":["sqs"]}"#,
    );
    check::<ReportedEntity>(
        r#"{"report":"1","unique_id":"AIDAEXAMPLE","kind":"USER","name":"Alice","path":"/","arn":"arn:aws:iam::111122223333:user/Alice","uses":{"sqs":{"at":1700000000000,"region":"us-east-1"}}}"#,
    );
    check::<DeletionTask>(
        r#"{"id":"task/aws-service-role/spot.amazonaws.com/R/1","account":"111122223333","created":1700000000000}"#,
    );
    check::<KeyUse>(
        r#"{"id":"AKIAEXAMPLE","service":"sqs","last":{"at":1700000000000,"region":"us-east-1"}}"#,
    );
    check::<SessionEnd>(r#"{"id":"ASIAEXAMPLE","expires":1700000900000}"#);
    check::<AuthorizationKey>(r#"{"key":"AAAA"}"#);
    check::<Session>(
        r#"{"id":"ASIAEXAMPLE","secret":"s","token":"t","account":"111122223333","issued":1700000000000,"expires":1700000900000,"subject":{"Role":{"folded":"reader","unique_id":"AROAEXAMPLE","session_name":"s1","tags":{},"transitive":[],"source_identity":null,"keys":{"saml:sub":["alice"]}}},"policies":null}"#,
    );
    check::<Session>(
        r#"{"id":"ASIAEXAMPLE","secret":"s","token":"t","account":"111122223333","issued":1700000000000,"expires":1700000900000,"subject":{"Federated":{"name":"web","user":["alice","AIDAEXAMPLE"],"tags":{}}},"policies":{"inline":null,"arns":[]}}"#,
    );
    check::<OidcProvider>(
        r#"{"account":"111122223333","url":"idp.example","created":1700000000000,"client_ids":["sts.amazonaws.com"],"thumbprints":["a031c46782e6e6c662c2c87c76da9aa62ccabd8e"],"tags":{}}"#,
    );
    check::<SamlProvider>(
        r#"{"account":"111122223333","name":"Okta","unique_id":"SAMLSPEXAMPLE","created":1700000000000,"valid_until":1800000000000,"metadata":"<a/>","encryption":null,"tags":{}}"#,
    );
}

#[test]
fn version_one_of_what_people_hold() {
    check::<MfaDevice>(
        r#"{"account":"111122223333","place":"/alice","name":"Alice","path":"/","created":1700000000000,"tags":{},"enabled":{"holder":"AIDAEXAMPLE","user":"alice","at":1700000000001}}"#,
    );
    check::<MfaLink>(r#"{"holder":":root","place":"/root-account-mfa-device"}"#);
    check::<MfaSeed>(r#"{"base32":"MZXW6","drift_steps":-1,"last_step":56666666}"#);
    check::<MfaSeed>(r#"{"base32":"MZXW6","drift_steps":-1,"last_step":56666666,"wrong":[56666667,3]}"#);
    check::<LoginProfile>(
        r#"{"created":1700000000000,"changed":1700000000001,"reset_required":false,"salt":"c2FsdA==","rounds":210000,"hash":"aA==","history":["aB=="]}"#,
    );
    check::<PasswordPolicy>(
        r#"{"minimum_length":14,"symbols":true,"numbers":true,"uppercase":true,"lowercase":true,"users_may_change":true,"max_age_days":90,"reuse_prevention":24,"hard_expiry":false}"#,
    );
    check::<SshPublicKey>(
        r#"{"id":"APKAEXAMPLE","blob":"AAAA","fingerprint":"00:11","active":true,"uploaded":1700000000000}"#,
    );
    check::<ServiceCredential>(
        r#"{"id":"ACCAEXAMPLE","service":"bedrock.amazonaws.com","alias":"alice-at-111122223333","secret_sha256":"00","active":true,"created":1700000000000,"expires":1700000000001}"#,
    );
    check::<SigningCertificate>(
        r#"{"id":"EXAMPLE","body":"PEM","print":"00","active":false,"uploaded":1700000000000}"#,
    );
    check::<SigningPrint>(r#"{"holder":"AIDAEXAMPLE"}"#);
    check::<ServerCertificate>(
        r#"{"account":"111122223333","folded":"web","name":"Web","path":"/","unique_id":"ASCAEXAMPLE","uploaded":1700000000000,"expires":1800000000000,"body":"PEM","chain":null,"tags":{"a":"b"}}"#,
    );
    check::<ServerKey>(r#"{"pem":"PEM"}"#);
    check::<Session>(
        r#"{"id":"ASIAEXAMPLE","secret":"s","token":"t","account":"111122223333","issued":1700000000000,"expires":1700000900000,"subject":"Root","policies":null,"second_factor":1700000000000}"#,
    );
}

#[test]
fn version_one_of_what_an_account_keeps() {
    check::<AccountAlias>(r#"{"alias":"acme"}"#);
    check::<AliasOwner>(r#"{"account":"111122223333"}"#);
    check::<TokenPreference>(r#"{"version":2}"#);
    check::<CredentialReport>(r#"{"generated":1700000000000,"csv":"user,arn"}"#);
    check::<ReportTask>(r#"{"account":"111122223333"}"#);
}
