//! MFA devices with real codes: enabled, asked for by STS, seen by policies; each refusal beside what is allowed.

use crate::people::*;
use anyhow::{Context, Result};
use aws_lc_rs::hmac;
use std::time::Duration;
use yakumo_room::host_now;
use yakumo_testkit::{Client, Failure, TestCloud, element};

const ALICE: &str = "arn:aws:iam::111122223333:user/alice";
const INVALID: &str = "Authentication code for device is not valid.";
const UNABLE: &str = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial \
                      number is valid and associated with this user.";
const WRONG: &str = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";

/// An authenticator with a seed, as an app on a telephone has it.
struct Authenticator {
    serial: String,
    seed: Vec<u8>,
    /// The host's step when it was made: codes are counted from there, so that none is asked for twice by chance.
    step: i64,
}

impl Authenticator {
    async fn make(client: &Client, name: &str) -> Result<Authenticator> {
        let xml = client.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", name)]).await?;
        let seed = element(&xml, "Base32StringSeed").context("no seed")?;
        let png = element(&xml, "QRCodePNG").context("no QR code")?;
        assert!(png.starts_with("iVBORw0KGgo"), "a PNG in base 64");
        let serial = element(&xml, "SerialNumber").context("no serial number")?;
        let base32 = String::from_utf8(base64(&seed))?;
        assert_eq!(base32.len(), 64);
        Ok(Authenticator { serial, seed: unbase32(&base32), step: host_now().as_secs().div_euclid(30) })
    }

    /// RFC 6238, written apart from the room's own.
    fn code(&self, offset: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.seed);
        let tag = hmac::sign(&key, &(self.step + offset).to_be_bytes());
        let bytes = tag.as_ref();
        let at = usize::from(bytes[19] & 15);
        let word = u32::from_be_bytes([bytes[at] & 0x7f, bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        format!("{:06}", word % 1_000_000)
    }

    async fn enable(&self, client: &Client, user: &str, codes: [i64; 2]) -> Result<String, Failure> {
        let (first, second) = (self.code(codes[0]), self.code(codes[1]));
        let parameters = [
            ("UserName", user),
            ("SerialNumber", &self.serial),
            ("AuthenticationCode1", &first),
            ("AuthenticationCode2", &second),
        ];
        client.iam("EnableMFADevice", &parameters).await
    }

    async fn session(&self, client: &Client, offset: i64) -> Result<String, Failure> {
        let code = self.code(offset);
        let parameters = [("SerialNumber", self.serial.as_str()), ("TokenCode", &code)];
        client.sts("GetSessionToken", &parameters).await
    }
}

fn base64(text: &str) -> Vec<u8> {
    use ::base64::Engine as _;
    ::base64::engine::general_purpose::STANDARD.decode(text).expect("base 64")
}

fn unbase32(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bits: String =
        text.chars().map(|c| format!("{:05b}", DIGITS.find(c).expect("a base 32 digit"))).collect();
    bits.as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).expect("ASCII"), 2).expect("bits"))
        .collect()
}

#[tokio::test]
async fn two_consecutive_codes_enable_a_device_and_nothing_else_does() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    user(&cloud, &root, "alice", "").await?;
    let device = Authenticator::make(&root, "Alice").await?;
    assert_eq!(device.serial, "arn:aws:iam::111122223333:mfa/Alice");
    let again = root.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "alice")]).await;
    let text = "MFADevice entity at the same path and name already exists.";
    refused(again, 409, "EntityAlreadyExists", text);
    let long = "x".repeat(227);
    let too_long = root.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", &long)]).await;
    failed(too_long, "ValidationError");
    for codes in [[0, 0], [0, -1], [-2, 0], [-40, -39]] {
        let outcome = device.enable(&root, "alice", codes).await;
        refused(outcome, 403, "InvalidAuthenticationCode", INVALID);
    }
    failed(device.enable(&root, "bob", [-1, 0]).await, "NoSuchEntity");
    device.enable(&root, "alice", [-1, 0]).await?;
    let outcome = device.enable(&root, "alice", [-1, 0]).await;
    refused(outcome, 409, "EntityAlreadyExists", "MFA Device is already in use.");
    let xml = root.iam("ListMFADevices", &[("UserName", "alice")]).await?;
    assert_eq!(element(&xml, "SerialNumber").as_deref(), Some(device.serial.as_str()));
    let serial = ("SerialNumber", device.serial.as_str());
    let xml = root.iam("GetMFADevice", &[serial, ("UserName", "alice")]).await?;
    assert_eq!(element(&xml, "UserName").as_deref(), Some("alice"));
    let text = "MFA VirtualDevice in use. Must deactivate first.";
    refused(root.iam("DeleteVirtualMFADevice", &[serial]).await, 409, "DeleteConflict", text);
    let text = "Cannot delete entity, must delete MFA device first.";
    let xml = root.iam("ListAccessKeys", &[("UserName", "alice")]).await?;
    let key = element(&xml, "AccessKeyId").context("no key")?;
    root.iam("DeleteAccessKey", &[("UserName", "alice"), ("AccessKeyId", &key)]).await?;
    refused(root.iam("DeleteUser", &[("UserName", "alice")]).await, 409, "DeleteConflict", text);
    root.iam("UpdateUser", &[("UserName", "alice"), ("NewUserName", "Alicia")]).await?;
    let xml = root.iam("ListVirtualMFADevices", &[("AssignmentStatus", "Assigned")]).await?;
    assert_eq!(element(&xml, "UserName").as_deref(), Some("Alicia"), "{xml}");
    root.iam("DeactivateMFADevice", &[serial, ("UserName", "Alicia")]).await?;
    failed(root.iam("DeactivateMFADevice", &[serial, ("UserName", "Alicia")]).await, "NoSuchEntity");
    let xml = root.iam("ListVirtualMFADevices", &[("AssignmentStatus", "Assigned")]).await?;
    assert!(!xml.contains(&device.serial), "{xml}");
    root.iam("DeleteUser", &[("UserName", "Alicia")]).await?;
    root.iam("DeleteVirtualMFADevice", &[serial]).await?;
    failed(root.iam("DeleteVirtualMFADevice", &[serial]).await, "NoSuchEntity");
    Ok(())
}

#[tokio::test]
async fn a_session_with_a_code_carries_it_and_its_age_by_the_clouds_clock() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}},
        {"Effect":"Allow","Action":"iam:ListRoles","Resource":"*","Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}},
        {"Effect":"Allow","Action":"iam:ListGroups","Resource":"*","Condition":{"Null":{"aws:MultiFactorAuthPresent":"true"}}}]}"#;
    let alice = user(&cloud, &root, "alice", policy).await?;
    let device = Authenticator::make(&root, "alice").await?;
    refused(device.session(&alice, 0).await, 403, "AccessDenied", UNABLE);
    device.enable(&root, "alice", [-1, 0]).await?;
    // Long-term keys carry neither key.
    failed(alice.iam("ListUsers", &[]).await, "AccessDenied");
    failed(alice.iam("ListRoles", &[]).await, "AccessDenied");
    alice.iam("ListGroups", &[]).await?;
    refused(device.session(&alice, 0).await, 403, "AccessDenied", WRONG);
    refused(device.session(&alice, 9).await, 403, "AccessDenied", WRONG);
    let one = alice.sts("GetSessionToken", &[("SerialNumber", device.serial.as_str())]).await;
    failed(one, "AccessDenied");
    let bob = user(&cloud, &root, "bob", policy).await?;
    refused(device.session(&bob, 1).await, 403, "AccessDenied", UNABLE);
    let session = session(&cloud, &device.session(&alice, 1).await?)?;
    refused(device.session(&alice, 1).await, 403, "AccessDenied", WRONG);
    session.iam("ListUsers", &[]).await?;
    session.iam("ListRoles", &[]).await?;
    failed(session.iam("ListGroups", &[]).await, "AccessDenied");
    cloud.advance(Duration::from_secs(2 * 3_600)).await?;
    session.iam("ListUsers", &[]).await?;
    failed(session.iam("ListRoles", &[]).await, "AccessDenied");
    let plain = crate::people::session(&cloud, &alice.sts("GetSessionToken", &[]).await?)?;
    failed(plain.iam("ListUsers", &[]).await, "InvalidClientTokenId");
    Ok(())
}

#[tokio::test]
async fn a_role_that_asks_for_a_second_factor() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{{"AWS":"{ALICE}"}},
            "Condition":{{"Bool":{{"aws:MultiFactorAuthPresent":"true"}},"NumericLessThan":{{"aws:MultiFactorAuthAge":"3600"}}}}}}}}"#
    );
    let with_factor = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}},
        {"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
    let arn = role(&root, "break-glass", &trust, with_factor).await?;
    let (one, two) = (Authenticator::make(&root, "one").await?, Authenticator::make(&root, "two").await?);
    one.enable(&root, "alice", [-1, 0]).await?;
    two.enable(&root, "alice", [-1, 0]).await?;
    failed(assume(&cloud, &alice, &arn, &[]).await, "AccessDenied");
    let code = one.code(1);
    let given = [("SerialNumber", one.serial.as_str()), ("TokenCode", &code)];
    let glass = assume(&cloud, &alice, &arn, &given).await?;
    glass.iam("ListUsers", &[]).await?;
    refused(assume(&cloud, &alice, &arn, &given).await, 403, "AccessDenied", WRONG);
    // A chain does not hand it on.
    let chained = role(&root, "chained", &trusts(&arn), with_factor).await?;
    failed(assume(&cloud, &glass, &chained, &[]).await?.iam("ListUsers", &[]).await, "AccessDenied");
    refused(assume(&cloud, &glass, &chained, &given).await, 403, "AccessDenied", UNABLE);
    let session = session(&cloud, &two.session(&alice, 1).await?)?;
    assume(&cloud, &session, &arn, &[]).await?;
    cloud.advance(Duration::from_secs(2 * 3_600)).await?;
    failed(assume(&cloud, &session, &arn, &[]).await, "AccessDenied");
    Ok(())
}

#[tokio::test]
async fn resynchronisation_tags_and_the_quota() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let alice = user(&cloud, &root, "alice", "").await?;
    for number in 0..8 {
        let device = Authenticator::make(&root, &format!("d{number}")).await?;
        device.enable(&root, "alice", [-1, 0]).await?;
    }
    let device = Authenticator::make(&root, "late").await?;
    let outcome = device.enable(&root, "alice", [-1, 0]).await;
    refused(outcome, 409, "LimitExceeded", "Cannot exceed quota for MFADevicesPerUser: 8");
    let first = "arn:aws:iam::111122223333:mfa/d0";
    root.iam("DeactivateMFADevice", &[("UserName", "alice"), ("SerialNumber", first)]).await?;
    device.enable(&root, "alice", [-10, -9]).await?;
    // Its clock is nine steps late, and so are its codes; after this the present ones count.
    refused(device.session(&alice, 0).await, 403, "AccessDenied", WRONG);
    let (second, third) = (device.code(-1), device.code(0));
    let resync = |second: String, third: String| {
        let (root, serial) = (&root, device.serial.clone());
        async move {
            let parameters = [
                ("UserName", "alice"),
                ("SerialNumber", serial.as_str()),
                ("AuthenticationCode1", &second),
                ("AuthenticationCode2", &third),
            ];
            root.iam("ResyncMFADevice", &parameters).await
        }
    };
    let outcome = resync(third.clone(), second.clone()).await;
    refused(outcome, 403, "InvalidAuthenticationCode", INVALID);
    resync(second.clone(), third.clone()).await?;
    refused(resync(second, third).await, 403, "InvalidAuthenticationCode", INVALID);
    device.session(&alice, 1).await?;
    let serial = ("SerialNumber", device.serial.as_str());
    let tag = [serial, ("Tags.member.1.Key", "kind"), ("Tags.member.1.Value", "phone")];
    root.iam("TagMFADevice", &tag).await?;
    let xml = root.iam("ListMFADeviceTags", &[serial]).await?;
    assert_eq!(element(&xml, "Value").as_deref(), Some("phone"));
    root.iam("UntagMFADevice", &[serial, ("TagKeys.member.1", "kind")]).await?;
    assert!(!root.iam("ListMFADeviceTags", &[serial]).await?.contains("phone"));
    Ok(())
}

#[tokio::test]
async fn users_manage_their_own_device_and_no_other() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let own = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:CreateVirtualMFADevice","Resource":"arn:aws:iam::*:mfa/${aws:username}"},
        {"Effect":"Allow","Action":["iam:EnableMFADevice","iam:ListMFADevices"],"Resource":"arn:aws:iam::*:user/${aws:username}"}]}"#;
    let alice = user(&cloud, &root, "alice", own).await?;
    user(&cloud, &root, "bob", own).await?;
    failed(alice.iam("CreateVirtualMFADevice", &[("VirtualMFADeviceName", "bob")]).await, "AccessDenied");
    let device = Authenticator::make(&alice, "alice").await?;
    failed(device.enable(&alice, "bob", [-1, 0]).await, "AccessDenied");
    device.enable(&alice, "alice", [-1, 0]).await?;
    assert!(alice.iam("ListMFADevices", &[]).await?.contains(&device.serial));
    Ok(())
}

#[tokio::test]
async fn the_root_user_has_a_device_too() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let device = Authenticator::make(&root, "root-account-mfa-device").await?;
    refused(device.session(&root, 1).await, 403, "AccessDenied", UNABLE);
    device.enable(&root, ACCOUNT, [-1, 0]).await?;
    let summary = root.iam("GetAccountSummary", &[]).await?;
    assert!(summary.contains("<key>AccountMFAEnabled</key><value>1</value>"), "{summary}");
    assert!(root.iam("ListMFADevices", &[]).await?.contains(&device.serial));
    let xml = root.iam("ListVirtualMFADevices", &[]).await?;
    assert_eq!(element(&xml, "Arn").as_deref(), Some("arn:aws:iam::111122223333:root"), "{xml}");
    let session = session(&cloud, &device.session(&root, 1).await?)?;
    session.iam("ListUsers", &[]).await?;
    failed(device.enable(&cloud.root(OTHER), OTHER, [-1, 0]).await, "NoSuchEntity");
    root.iam("DeactivateMFADevice", &[("SerialNumber", device.serial.as_str())]).await?;
    Ok(())
}
