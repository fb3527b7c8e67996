//! AssumeRoleWithWebIdentity: a true token of a known issuer for the right audience, and everything that is not one.

use crate::people::*;
use crate::provider::{Server, Signer, unsigned};
use anyhow::Result;
use serde_json::{Value, json};
use yakumo_testkit::{Client, Failure, TestCloud, element};

const ROLE: &str = "arn:aws:iam::111122223333:role/web";

struct Scene {
    cloud: TestCloud,
    root: Client,
    server: Server,
    signer: Signer,
    provider: String,
}

impl Scene {
    /// A provider with one key, and a role that trusts its user `alice`.
    async fn start() -> Result<Scene> {
        let cloud = TestCloud::start().await?;
        let (server, signer) = (Server::start().await?, Signer::new());
        server.publish_keys(&json!([signer.jwk("k1")]));
        let root = cloud.root(ACCOUNT);
        let xml = root
            .iam(
                "CreateOpenIDConnectProvider",
                &[
                    ("Url", &server.url),
                    ("ClientIDList.member.1", "sts.amazonaws.com"),
                    ("ThumbprintList.member.1", &server.thumbprint),
                ],
            )
            .await?;
        let provider = element(&xml, "OpenIDConnectProviderArn").unwrap_or_default();
        let scene = Scene { cloud, root, server, signer, provider };
        let condition =
            json!({"StringEquals": {scene.key("sub"): "alice", scene.key("aud"): "sts.amazonaws.com"}});
        role(&scene.root, "web", &scene.trusts(&condition), &says("Allow", "iam:ListUsers")).await?;
        Ok(scene)
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.server.url.trim_start_matches("https://"))
    }

    fn trusts(&self, condition: &Value) -> String {
        let actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"];
        let statement = json!({"Effect": "Allow", "Action": actions, "Principal": {"Federated": self.provider}, "Condition": condition});
        json!({"Version": "2012-10-17", "Statement": statement}).to_string()
    }

    /// Claims of a good token, with some replaced; `null` removes.
    fn claims(&self, changes: &Value) -> Value {
        let now = yakumo_room::host_now().as_secs();
        let mut claims = json!({"iss": self.server.url, "aud": "sts.amazonaws.com", "sub": "alice", "iat": now, "exp": now + 600});
        for (name, value) in changes.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().expect("claims are an object").retain(|_, value| !value.is_null());
        claims
    }

    fn token(&self, changes: &Value) -> String {
        self.signer.token("k1", &self.claims(changes))
    }

    async fn assume(&self, token: &str, more: &[(&str, &str)]) -> Result<String, Failure> {
        let mut parameters = vec![("RoleSessionName", "s1"), ("WebIdentityToken", token)];
        parameters.extend_from_slice(more);
        if !more.iter().any(|(name, _)| *name == "RoleArn") {
            parameters.push(("RoleArn", ROLE));
        }
        unsigned(&self.cloud, "AssumeRoleWithWebIdentity", &parameters).await
    }
}

#[tokio::test]
async fn a_true_token_becomes_a_session() -> Result<()> {
    let scene = Scene::start().await?;
    let xml = scene.assume(&scene.token(&json!({})), &[]).await?;
    let part = |name| element(&xml, name).unwrap_or_default();
    assert_eq!(part("SubjectFromWebIdentityToken"), "alice");
    assert_eq!((part("Audience"), part("Provider")), ("sts.amazonaws.com".into(), scene.provider.clone()));
    assert_eq!(part("Arn"), "arn:aws:sts::111122223333:assumed-role/web/s1");
    let client = session(&scene.cloud, &xml)?;
    client.iam("ListUsers", &[]).await?;
    failed(client.iam("ListRoles", &[]).await, "AccessDenied");
    let before = scene.server.asked();
    scene.assume(&scene.token(&json!({})), &[]).await?;
    assert_eq!(scene.server.asked(), before, "the keys are remembered");
    Ok(())
}

#[tokio::test]
async fn what_is_no_true_token() -> Result<()> {
    let scene = Scene::start().await?;
    let invalid = "InvalidIdentityToken";
    let now = yakumo_room::host_now().as_secs();
    let audience = "Incorrect token audience";
    for (changes, code, text) in [
        (json!({"aud": "other"}), invalid, audience),
        (json!({"aud": ["sts.amazonaws.com", "other"]}), invalid, audience),
        (json!({"azp": "other"}), invalid, audience),
        (json!({"aud": null}), invalid, "Missing a required claim: aud"),
        (json!({"sub": null}), invalid, "Missing a required claim: sub"),
        (json!({"exp": null}), invalid, "Missing a required claim: exp"),
        (json!({"iat": null}), invalid, "Missing a required claim: iat"),
        (
            json!({"iss": "https://evil.example"}),
            invalid,
            "No OpenIDConnect provider found in your account for https://evil.example",
        ),
        (
            json!({"sub": "mallory"}),
            "AccessDenied",
            "Not authorized to perform sts:AssumeRoleWithWebIdentity",
        ),
        (
            json!({"https://aws.amazon.com/source_identity": "a b"}),
            invalid,
            "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"",
        ),
    ] {
        let failure = scene.assume(&scene.token(&changes), &[]).await.expect_err("refused");
        assert_eq!((failure.code.as_str(), failure.message.as_str()), (code, text), "{changes}");
    }
    let expired = scene.assume(&scene.token(&json!({"exp": now - 1})), &[]).await.expect_err("refused");
    assert_eq!((expired.status, expired.code.as_str()), (400, "ExpiredTokenException"));
    assert!(expired.message.starts_with("Token expired: current date/time "), "{}", expired.message);
    failed(scene.assume(&scene.token(&json!({"nbf": now + 3_600})), &[]).await, invalid);
    failed(scene.assume(&scene.token(&json!({"iat": now + 3_600})), &[]).await, invalid);
    let forged = Signer::new().token("k1", &scene.claims(&json!({})));
    refused(scene.assume(&forged, &[]).await, 400, invalid, "Couldn't verify signed token.");
    let mut tampered = scene.token(&json!({"sub": "mallory"}));
    let signature = scene.token(&json!({})).rsplit('.').next().unwrap_or_default().to_owned();
    tampered.truncate(tampered.rfind('.').unwrap_or_default() + 1);
    failed(scene.assume(&format!("{tampered}{signature}"), &[]).await, invalid);
    let text =
        "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
    refused(scene.assume("Atza|abc", &[]).await, 400, invalid, text);
    Ok(())
}

#[tokio::test]
async fn an_authorised_party_stands_for_the_audience() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.token(&json!({"aud": ["api", "other"], "azp": "sts.amazonaws.com"}));
    let xml = scene.assume(&token, &[]).await?;
    assert_eq!(element(&xml, "Audience").as_deref(), Some("sts.amazonaws.com"));
    let condition = json!({"ForAnyValue:StringEquals": {scene.key("oaud"): "api"}});
    let arn = role(&scene.root, "oaud", &scene.trusts(&condition), "").await?;
    scene.assume(&token, &[("RoleArn", &arn)]).await?;
    failed(scene.assume(&scene.token(&json!({})), &[("RoleArn", &arn)]).await, "AccessDenied");
    Ok(())
}

#[tokio::test]
async fn tags_source_identity_and_keys_go_with_the_session() -> Result<()> {
    let scene = Scene::start().await?;
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}}},
        {"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*", "Condition": {"StringEquals": {scene.key("sub"): "alice", "aws:FederatedProvider": scene.provider}}},
        {"Effect": "Allow", "Action": "iam:ListGroups", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceIdentity": "alice"}}},
        {"Effect": "Allow", "Action": "sts:*", "Resource": "*"},
    ]});
    let condition = json!({"StringLike": {"aws:RequestTag/team": "*"}, "ForAllValues:StringEquals": {"sts:TransitiveTagKeys": "team"}});
    let arn = role(&scene.root, "tagged", &scene.trusts(&condition), &policy.to_string()).await?;
    let next = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], "Principal": {"AWS": arn}}});
    let next = role(&scene.root, "next", &next.to_string(), &policy.to_string()).await?;
    let claims = json!({
        "https://aws.amazon.com/tags": {"principal_tags": {"team": ["blue"]}, "transitive_tag_keys": ["team"]},
        "https://aws.amazon.com/source_identity": "alice",
    });
    let flat = json!({"https://aws.amazon.com/tags/principal_tags/team": "blue", "https://aws.amazon.com/source_identity": "alice"});
    for claims in [&claims, &flat] {
        let xml = scene.assume(&scene.token(claims), &[("RoleArn", &arn)]).await?;
        assert_eq!(element(&xml, "SourceIdentity").as_deref(), Some("alice"));
        assert!(element(&xml, "PackedPolicySize").is_some());
        let client = session(&scene.cloud, &xml)?;
        for action in ["ListUsers", "ListRoles", "ListGroups"] {
            client.iam(action, &[]).await?;
        }
    }
    let xml = scene.assume(&scene.token(&claims), &[("RoleArn", &arn)]).await?;
    let chained = assume(&scene.cloud, &session(&scene.cloud, &xml)?, &next, &[]).await?;
    chained.iam("ListUsers", &[]).await?;
    chained.iam("ListGroups", &[]).await?;
    failed(chained.iam("ListRoles", &[]).await, "AccessDenied");
    // No tags, no entrance; and a role that lets nobody tag refuses them.
    failed(scene.assume(&scene.token(&json!({})), &[("RoleArn", &arn)]).await, "AccessDenied");
    let silent = scene.trusts(&json!({})).replace("sts:TagSession", "sts:AssumeRole");
    let silent = role(&scene.root, "silent", &silent, "").await?;
    scene.assume(&scene.token(&json!({})), &[("RoleArn", &silent)]).await?;
    failed(scene.assume(&scene.token(&claims), &[("RoleArn", &silent)]).await, "AccessDenied");
    let two = json!({"https://aws.amazon.com/tags": {"principal_tags": {"team": ["blue", "red"]}}});
    failed(scene.assume(&scene.token(&two), &[("RoleArn", &arn)]).await, "InvalidIdentityToken");
    Ok(())
}

#[tokio::test]
async fn the_provider_of_another_account_and_a_missing_role() -> Result<()> {
    let scene = Scene::start().await?;
    let token = scene.token(&json!({}));
    let text = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
    let missing = [("RoleArn", "arn:aws:iam::111122223333:role/missing")];
    refused(scene.assume(&token, &missing).await, 403, "AccessDenied", text);
    let text = format!("No OpenIDConnect provider found in your account for {}", scene.server.url);
    let elsewhere = [("RoleArn", "arn:aws:iam::444455556666:role/web")];
    refused(scene.assume(&token, &elsewhere).await, 400, "InvalidIdentityToken", &text);
    let bad = [("RoleArn", "arn:aws:iam::111122223333:user/web")];
    refused(scene.assume(&token, &bad).await, 400, "ValidationError", "Request ARN is invalid");
    let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    refused(scene.assume(&token, &[("DurationSeconds", "3601")]).await, 400, "ValidationError", text);
    // AssumeRole is another action: the trust policy does not allow it.
    let alice = user(&scene.cloud, &scene.root, "alice", &says("Allow", "sts:*")).await?;
    failed(assume(&scene.cloud, &alice, ROLE, &[]).await, "AccessDenied");
    scene.root.iam("DeleteOpenIDConnectProvider", &[("OpenIDConnectProviderArn", &scene.provider)]).await?;
    failed(scene.assume(&token, &[]).await, "InvalidIdentityToken");
    Ok(())
}

#[tokio::test]
async fn keys_change_and_servers_fail() -> Result<()> {
    let scene = Scene::start().await?;
    let invalid = "InvalidIdentityToken";
    let keys = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";
    scene.assume(&scene.token(&json!({})), &[]).await?;
    let second = Signer::new();
    let token = second.token("k2", &scene.claims(&json!({})));
    refused(scene.assume(&token, &[]).await, 400, invalid, keys);
    scene.server.publish_keys(&json!([scene.signer.jwk("k1"), second.jwk("k2")]));
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    scene.assume(&token, &[]).await?;
    let print = ("ThumbprintList.member.1", "cccccccccccccccccccccccccccccccccccccccc");
    let arn = ("OpenIDConnectProviderArn", scene.provider.as_str());
    scene.root.iam("UpdateOpenIDConnectProviderThumbprint", &[arn, print]).await?;
    let text = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint";
    refused(scene.assume(&token, &[]).await, 400, invalid, text);
    Ok(())
}

#[tokio::test]
async fn documents_that_lead_nowhere() -> Result<()> {
    let invalid = "InvalidIdentityToken";
    let good = Scene::start().await?;
    let place = "/.well-known/openid-configuration";
    for document in [
        "no json".to_owned(),
        json!({"issuer": "https://other.example", "jwks_uri": "https://other.example/keys"}).to_string(),
        json!({"issuer": "URL", "jwks_uri": "http://localhost/keys"}).to_string(),
        json!({"issuer": "URL", "jwks_uri": "file:///etc/passwd"}).to_string(),
        json!({"issuer": "URL"}).to_string(),
        json!({"issuer": "URL", "jwks_uri": "URL/none"}).to_string(),
        json!({"issuer": "URL", "jwks_uri": "URL/redirect"}).to_string(),
        format!("\"{}\"", "x".repeat(300 * 1024)),
    ] {
        let scene = Scene::start().await?;
        scene.server.publish(place, &document.replace("URL", &scene.server.url));
        scene.server.publish("/redirect", &format!("{}/keys", scene.server.url));
        failed(scene.assume(&scene.token(&json!({})), &[]).await, invalid);
    }
    good.assume(&good.token(&json!({})), &[]).await?;
    // A provider that is not there.
    let create = [
        ("Url", "https://127.0.0.1:1"),
        ("ClientIDList.member.1", "sts.amazonaws.com"),
        ("ThumbprintList.member.1", "cccccccccccccccccccccccccccccccccccccccc"),
    ];
    good.root.iam("CreateOpenIDConnectProvider", &create).await?;
    failed(
        good.assume(&good.token(&json!({"iss": "https://127.0.0.1:1"})), &[]).await,
        "IDPCommunicationError",
    );
    Ok(())
}
