//! JSON Web Tokens (RFC 7519) with signatures (RFC 7515) by keys of a JSON Web Key Set (RFC 7517).
//!
//! Invariant: claims are only used after [`Token::verify`] said yes. The algorithm is the key's affair as much as the
//! token's: an RSA key never verifies anything but RSA signatures, there is no `none` and no shared secret.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// AWS: the most keys of a set, a hundred of either kind
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>).
const KEYS_MAX: usize = 200;

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// A token as it came.
pub(crate) struct Token {
    header: Header,
    claims: Map<String, Value>,
    signed: String,
    signature: Vec<u8>,
}

/// What became of a verification.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verified {
    /// One of the keys made the signature.
    Yes,
    /// A key was there, and did not make it.
    No,
    /// The set has no key that could have made it: perhaps it is not the newest.
    NoKey,
}

impl Token {
    /// Takes a token apart; `None` when it is no signed token of the compact form.
    pub(crate) fn parse(text: &str) -> Option<Token> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        if claims.contains('.') {
            return None;
        }
        let header: Header = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        // RFC 7515, 4.1.11: what must be understood and is not makes the token invalid; we know no extension.
        if header.crit.is_some() {
            return None;
        }
        let claims = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Token { header, claims, signed: signed.to_owned(), signature })
    }

    /// Verifies the signature.
    pub(crate) fn verify(&self, keys: &KeySet) -> Verified {
        let mut verified = Verified::NoKey;
        for key in keys.0.iter().filter(|key| key.serves(&self.header)) {
            match key.verify(&self.header.alg, self.signed.as_bytes(), &self.signature) {
                Some(true) => return Verified::Yes,
                Some(false) => verified = Verified::No,
                None => {}
            }
        }
        verified
    }

    /// A claim.
    pub(crate) fn claim(&self, name: &str) -> Option<&Value> {
        self.claims.get(name)
    }

    /// A claim that is a text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.claim(name)?.as_str()
    }

    /// A claim that is a text or a list of texts.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        self.claim(name).map(texts).unwrap_or_default()
    }

    /// A claim that is a point in time, in whole seconds since 1970.
    pub(crate) fn seconds(&self, name: &str) -> Option<i64> {
        let value = self.claim(name)?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "RFC 7519 lets times have fractions; seconds are enough"
        )]
        value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64))
    }

    /// All claims.
    pub(crate) fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }
}

/// A text, or the texts of a list.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The public keys of an issuer.
pub(crate) struct KeySet(Vec<Key>);

#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a key set; what is no key that we know is left out. `None` when it is none or too large.
    pub(crate) fn parse(bytes: &[u8]) -> Option<KeySet> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let list = value.get("keys")?.as_array()?;
        if list.len() > KEYS_MAX {
            return None;
        }
        Some(KeySet(list.iter().filter_map(|key| serde_json::from_value(key.clone()).ok()).collect()))
    }
}

impl Key {
    fn serves(&self, header: &Header) -> bool {
        (header.kid.is_none() || header.kid == self.kid)
            && self.usage.as_deref().is_none_or(|usage| usage == "sig")
            && self.alg.as_deref().is_none_or(|alg| alg == header.alg)
    }

    /// `None` when the key is not one for this algorithm.
    fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> Option<bool> {
        match self.kty.as_str() {
            "RSA" => {
                let parameters = rsa(algorithm)?;
                let part = |part: &Option<String>| -> Option<Vec<u8>> {
                    let bytes = URL_SAFE_NO_PAD.decode(part.as_ref()?).ok()?;
                    Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
                };
                let key = PublicKeyComponents { n: part(&self.n)?, e: part(&self.e)? };
                Some(key.verify(parameters, message, signature).is_ok())
            }
            "EC" => {
                let (algorithm, bytes) = ecdsa(algorithm, self.crv.as_deref()?)?;
                let part = |part: &Option<String>| -> Option<Vec<u8>> {
                    URL_SAFE_NO_PAD.decode(part.as_ref()?).ok().filter(|part| part.len() == bytes)
                };
                let point = [vec![4], part(&self.x)?, part(&self.y)?].concat();
                Some(UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok())
            }
            _ => None,
        }
    }
}

fn rsa(algorithm: &str) -> Option<&'static RsaParameters> {
    match algorithm {
        "RS256" => Some(&RSA_PKCS1_2048_8192_SHA256),
        "RS384" => Some(&RSA_PKCS1_2048_8192_SHA384),
        "RS512" => Some(&RSA_PKCS1_2048_8192_SHA512),
        _ => None,
    }
}

fn ecdsa(algorithm: &str, curve: &str) -> Option<(&'static dyn VerificationAlgorithm, usize)> {
    match (algorithm, curve) {
        ("ES256", "P-256") => Some((&ECDSA_P256_SHA256_FIXED, 32)),
        ("ES384", "P-384") => Some((&ECDSA_P384_SHA384_FIXED, 48)),
        ("ES512", "P-521") => Some((&ECDSA_P521_SHA512_FIXED, 66)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{KeySet, Token, Verified};
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING,
        EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding,
        RsaKeyPair,
    };
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    fn b64(bytes: impl AsRef<[u8]>) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn token(header: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
        let signed =
            format!("{}.{}", b64(header.to_string()), b64(json!({"sub": "alice", "aud": ["a"]}).to_string()));
        let signature = b64(sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn check(text: &str, keys: &Value, expected: Verified) {
        let keys = KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        assert_eq!(Token::parse(text).unwrap().verify(&keys), expected, "{text}");
    }

    fn rsa() -> (RsaKeyPair, Value) {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        // RFC 8017, A.1.1: two numbers in a sequence, whose places are fixed for 2,048 bits and the exponent 65,537.
        let der = pair.public_key().as_ref();
        let key = json!({"kty": "RSA", "kid": "r1", "n": b64(&der[9..265]), "e": b64(&der[267..270])});
        (pair, key)
    }

    fn signed(pair: &RsaKeyPair, padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(padding, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }

    #[test]
    fn rsa_signatures() {
        let (pair, key) = rsa();
        let good = token(&json!({"alg": "RS256", "kid": "r1"}), |m| signed(&pair, &RSA_PKCS1_SHA256, m));
        check(&good, &json!([key]), Verified::Yes);
        let good = token(&json!({"alg": "RS512"}), |m| signed(&pair, &RSA_PKCS1_SHA512, m));
        check(&good, &json!([rsa().1, key]), Verified::Yes);
        // Another key, another key id, another algorithm than the signature's or the key's.
        let text = token(&json!({"alg": "RS256", "kid": "r1"}), |m| signed(&rsa().0, &RSA_PKCS1_SHA256, m));
        check(&text, &json!([key]), Verified::No);
        let text = token(&json!({"alg": "RS256", "kid": "r2"}), |m| signed(&pair, &RSA_PKCS1_SHA256, m));
        check(&text, &json!([key]), Verified::NoKey);
        let text = token(&json!({"alg": "RS512", "kid": "r1"}), |m| signed(&pair, &RSA_PKCS1_SHA256, m));
        check(&text, &json!([key]), Verified::No);
        let text = token(&json!({"alg": "RS256", "kid": "r1"}), |m| signed(&pair, &RSA_PKCS1_SHA256, m));
        for (name, value) in [("alg", "RS384"), ("use", "enc"), ("kty", "oct"), ("e", "AA"), ("n", "AQAB")] {
            let mut other = key.clone();
            other[name] = json!(value);
            assert_ne!(
                Token::parse(&text)
                    .unwrap()
                    .verify(&KeySet::parse(json!({"keys": [other]}).to_string().as_bytes()).unwrap()),
                Verified::Yes,
                "{name}"
            );
        }
        // Changed claims under the old signature.
        let (head, signature) = text.rsplit_once('.').unwrap();
        let (header, _) = head.split_once('.').unwrap();
        let forged = format!("{header}.{}.{signature}", b64(json!({"sub": "mallory"}).to_string()));
        check(&forged, &json!([key]), Verified::No);
    }

    #[test]
    fn elliptic_signatures() {
        let cases: [(&str, &str, &'static EcdsaSigningAlgorithm); 3] = [
            ("ES256", "P-256", &ECDSA_P256_SHA256_FIXED_SIGNING),
            ("ES384", "P-384", &ECDSA_P384_SHA384_FIXED_SIGNING),
            ("ES512", "P-521", &ECDSA_P521_SHA512_FIXED_SIGNING),
        ];
        for (alg, curve, algorithm) in cases {
            let pair = EcdsaKeyPair::generate(algorithm).unwrap();
            let point = &pair.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            let key = json!({"kty": "EC", "crv": curve, "x": b64(x), "y": b64(y)});
            let sign = |m: &[u8]| pair.sign(&SystemRandom::new(), m).unwrap().as_ref().to_vec();
            let text = token(&json!({"alg": alg}), sign);
            check(&text, &json!([key]), Verified::Yes);
            let text = token(&json!({"alg": if alg == "ES256" { "ES384" } else { "ES256" }}), sign);
            check(&text, &json!([key]), Verified::NoKey);
            check(&token(&json!({"alg": alg}), |_| vec![0; 64]), &json!([key]), Verified::No);
        }
    }

    #[test]
    fn what_is_no_token_and_no_signature() {
        let (pair, key) = rsa();
        let public = b64(key.to_string());
        for alg in ["none", "HS256", "rs256", ""] {
            check(
                &token(&json!({"alg": alg, "kid": "r1"}), |_| public.clone().into_bytes()),
                &json!([key]),
                Verified::NoKey,
            );
        }
        let text = token(&json!({"alg": "RS256", "crit": ["x"]}), |m| signed(&pair, &RSA_PKCS1_SHA256, m));
        assert!(Token::parse(&text).is_none());
        for text in ["", "a", "a.b", "a.b.c", "e30.e30.", "e30.W10.AA", "....", "e30.e30.AA.AA", "Atza|x"] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
        for set in ["", "{}", "[]", r#"{"keys":{}}"#] {
            assert!(KeySet::parse(set.as_bytes()).is_none(), "{set}");
        }
    }
}
