//! OpenID Connect providers: what can be one, its lists and limits, its tags.

use crate::people::*;
use crate::provider::Server;
use anyhow::Result;
use yakumo_testkit::{TestCloud, element};

const THUMBPRINT: &str = "a031c46782e6e6c662c2c87c76da9aa62ccabd8e";
const ARN: &str = "arn:aws:iam::111122223333:oidc-provider/idp.example/tenant";

#[tokio::test]
async fn a_provider_from_its_creation_to_its_end() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let create = [
        ("Url", "https://idp.example/tenant"),
        ("ClientIDList.member.1", "sts.amazonaws.com"),
        ("ThumbprintList.member.1", THUMBPRINT),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "blue"),
    ];
    let xml = root.iam("CreateOpenIDConnectProvider", &create).await?;
    assert_eq!(element(&xml, "OpenIDConnectProviderArn").as_deref(), Some(ARN));
    let text = "Provider with url https://idp.example/tenant already exists.";
    refused(root.iam("CreateOpenIDConnectProvider", &create).await, 409, "EntityAlreadyExists", text);
    let arn = ("OpenIDConnectProviderArn", ARN);
    let xml = root.iam("GetOpenIDConnectProvider", &[arn]).await?;
    assert_eq!(element(&xml, "Url").as_deref(), Some("idp.example/tenant"));
    for part in ["<member>sts.amazonaws.com</member>", THUMBPRINT, "<Key>team</Key>"] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    for _ in 0..2 {
        root.iam("AddClientIDToOpenIDConnectProvider", &[arn, ("ClientID", "mobile")]).await?;
    }
    root.iam("RemoveClientIDFromOpenIDConnectProvider", &[arn, ("ClientID", "sts.amazonaws.com")]).await?;
    root.iam("RemoveClientIDFromOpenIDConnectProvider", &[arn, ("ClientID", "never there")]).await?;
    let other = ("ThumbprintList.member.1", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb");
    root.iam("UpdateOpenIDConnectProviderThumbprint", &[arn, other]).await?;
    let xml = root.iam("GetOpenIDConnectProvider", &[arn]).await?;
    assert_eq!(xml.matches("<member>mobile</member>").count(), 1, "{xml}");
    assert!(
        !xml.contains(THUMBPRINT) && !xml.contains("sts.amazonaws.com") && xml.contains(other.1),
        "{xml}"
    );
    root.iam("UntagOpenIDConnectProvider", &[arn, ("TagKeys.member.1", "team")]).await?;
    root.iam("TagOpenIDConnectProvider", &[arn, ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")])
        .await?;
    let xml = root.iam("ListOpenIDConnectProviderTags", &[arn]).await?;
    assert!(xml.contains("<Key>a</Key>") && !xml.contains("team"), "{xml}");
    assert!(root.iam("ListOpenIDConnectProviders", &[]).await?.contains(ARN));
    assert!(!cloud.root(OTHER).iam("ListOpenIDConnectProviders", &[]).await?.contains(ARN));
    let text = format!("OpenIDConnect Provider not found for arn {ARN}");
    refused(cloud.root(OTHER).iam("GetOpenIDConnectProvider", &[arn]).await, 404, "NoSuchEntity", &text);
    cloud.root(OTHER).iam("DeleteOpenIDConnectProvider", &[arn]).await?;
    root.iam("GetOpenIDConnectProvider", &[arn]).await?;
    for _ in 0..2 {
        root.iam("DeleteOpenIDConnectProvider", &[arn]).await?;
    }
    refused(root.iam("GetOpenIDConnectProvider", &[arn]).await, 404, "NoSuchEntity", &text);
    Ok(())
}

#[tokio::test]
async fn what_is_no_provider_and_too_much() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let print = ("ThumbprintList.member.1", THUMBPRINT);
    for url in ["http://idp.example", "idp.example", "https://idp.example?x=y"] {
        let outcome = root.iam("CreateOpenIDConnectProvider", &[("Url", url), print]).await;
        refused(outcome, 400, "ValidationError", "Invalid Open ID Connect Provider URL");
    }
    let names: Vec<String> = (1..=6).map(|n| format!("ThumbprintList.member.{n}")).collect();
    let prints: Vec<String> = (1..=6).map(|n| format!("{n:040}")).collect();
    let mut six: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(prints.iter().map(String::as_str)).collect();
    six.push(("Url", "https://idp.example"));
    let text = "Thumbprint list must contain fewer than 5 entries.";
    refused(root.iam("CreateOpenIDConnectProvider", &six).await, 400, "InvalidInput", text);
    let names: Vec<String> = (1..=101).map(|n| format!("ClientIDList.member.{n}")).collect();
    let mut many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    many.extend([("Url", "https://idp.example"), print]);
    let text = "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100";
    refused(root.iam("CreateOpenIDConnectProvider", &many).await, 409, "LimitExceeded", text);
    many.remove(0);
    root.iam("CreateOpenIDConnectProvider", &many).await?;
    let arn = ("OpenIDConnectProviderArn", "arn:aws:iam::111122223333:oidc-provider/idp.example");
    let one_more = root.iam("AddClientIDToOpenIDConnectProvider", &[arn, ("ClientID", "one more")]).await;
    refused(one_more, 409, "LimitExceeded", text);
    for number in 1..100 {
        let url = format!("https://idp{number}.example");
        root.iam("CreateOpenIDConnectProvider", &[("Url", &url), print]).await?;
    }
    let outcome = root.iam("CreateOpenIDConnectProvider", &[("Url", "https://last.example"), print]).await;
    let text = "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100";
    refused(outcome, 409, "LimitExceeded", text);
    Ok(())
}

#[tokio::test]
async fn a_missing_thumbprint_is_asked_of_the_provider() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let server = Server::start().await?;
    let xml = root.iam("CreateOpenIDConnectProvider", &[("Url", &server.url)]).await?;
    let arn = element(&xml, "OpenIDConnectProviderArn").unwrap_or_default();
    let xml = root.iam("GetOpenIDConnectProvider", &[("OpenIDConnectProviderArn", &arn)]).await?;
    assert!(xml.contains(&server.thumbprint), "{xml}");
    // Port 1 of this host: nobody listens there.
    let outcome = root.iam("CreateOpenIDConnectProvider", &[("Url", "https://127.0.0.1:1")]).await;
    failed(outcome, "OpenIdIdpCommunicationError");
    Ok(())
}

#[tokio::test]
async fn only_who_may_and_only_with_the_tags_asked_for() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let print = ("ThumbprintList.member.1", THUMBPRINT);
    let create = [("Url", "https://idp.example/tenant"), print];
    let weak = user(&cloud, &root, "weak", "").await?;
    let text = format!(
        "User: arn:aws:iam::111122223333:user/weak is not authorized to perform: iam:CreateOpenIDConnectProvider on resource: {ARN} because no identity-based policy allows the iam:CreateOpenIDConnectProvider action"
    );
    refused(weak.iam("CreateOpenIDConnectProvider", &create).await, 403, "AccessDenied", &text);
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:CreateOpenIDConnectProvider","Resource":"*"},
        {"Effect":"Allow","Action":"iam:DeleteOpenIDConnectProvider","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}}]}"#;
    let blue = user(&cloud, &root, "blue", policy).await?;
    blue.iam("CreateOpenIDConnectProvider", &create).await?;
    let arn = ("OpenIDConnectProviderArn", ARN);
    failed(blue.iam("DeleteOpenIDConnectProvider", &[arn]).await, "AccessDenied");
    failed(blue.iam("ListOpenIDConnectProviders", &[]).await, "AccessDenied");
    root.iam(
        "TagOpenIDConnectProvider",
        &[arn, ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue")],
    )
    .await?;
    blue.iam("DeleteOpenIDConnectProvider", &[arn]).await?;
    Ok(())
}
