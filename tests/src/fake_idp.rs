//! A fake OpenID provider that returns configured responses, valid or forged.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Key ID.
const KEY: &str = "one";

/// Status and body of the token endpoint's response.
type Answer = (u16, String);

/// A running provider; it stops at the end of the test.
#[derive(Debug)]
pub struct FakeIdp {
    /// Its issuer URL.
    pub issuer: String,
    key: KeyPair,
    config: Arc<Mutex<IdpConfig>>,
}

#[derive(Debug)]
struct IdpConfig {
    issuer: String,
    /// The issuer in the discovery document.
    discovery_issuer: String,
    jwks: Value,
    token_response: Answer,
}

impl FakeIdp {
    /// Starts a provider with a new key.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("a local address").port();
        let issuer = format!("http://127.0.0.1:{port}");
        let key = new_key();
        let config = IdpConfig {
            issuer: issuer.clone(),
            discovery_issuer: issuer.clone(),
            jwks: json!({"keys": [public(&key)]}),
            token_response: (500, String::new()),
        };
        let config = Arc::new(Mutex::new(config));
        let shared = Arc::clone(&config);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self {
            issuer,
            key,
            config,
        }
    }

    /// Sets the issuer in the discovery document.
    ///
    /// # Panics
    /// If the lock is poisoned.
    pub fn set_issuer(&self, issuer: &str) {
        self.config.lock().expect("a lock").discovery_issuer = issuer.to_owned();
    }

    /// Sets the token endpoint's response.
    ///
    /// # Panics
    /// If the lock is poisoned.
    pub fn set_token_response(&self, status: u16, body: impl Into<String>) {
        self.config.lock().expect("a lock").token_response = (status, body.into());
    }

    /// Makes the token endpoint return this ID token.
    pub fn set_id_token(&self, id_token: &str) {
        let body = json!({
            "access_token": "access", "token_type": "Bearer", "expires_in": 60,
            "id_token": id_token,
        });
        self.set_token_response(200, body.to_string());
    }

    /// An ID token with these claims and a valid signature.
    pub fn sign(&self, claims: &Value) -> String {
        signed(&self.key, claims)
    }

    /// An ID token signed with an unpublished key, under the published key's ID.
    #[must_use]
    pub fn sign_with_another_key(&self, claims: &Value) -> String {
        signed(&new_key(), claims)
    }

    /// An ID token with this header and signature.
    #[must_use]
    pub fn unsigned(&self, header: &Value, claims: &Value, signature: &str) -> String {
        format!("{}.{}.{signature}", part(header), part(claims))
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ED25519).expect("a key")
}

fn public(key: &KeyPair) -> Value {
    let x = URL_SAFE_NO_PAD.encode(key.der_bytes());
    json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": KEY, "x": x})
}

fn signed(key: &KeyPair, claims: &Value) -> String {
    let header = json!({"alg": "EdDSA", "typ": "JWT", "kid": KEY});
    let input = format!("{}.{}", part(&header), part(claims));
    let signature = key.sign(input.as_bytes()).expect("a signature");
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Serves one HTTP request.
async fn serve(mut stream: TcpStream, config: Arc<Mutex<IdpConfig>>) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    // The request may arrive in several reads.
    loop {
        let count = stream.read(&mut piece).await.unwrap_or_default();
        request.extend_from_slice(&piece[..count]);
        if count == 0 || is_whole(&request) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let path = text.split(' ').nth(1).unwrap_or_default();
    let (status, body) = {
        let config = config.lock().expect("a lock");
        match path {
            "/.well-known/openid-configuration" => (200, description(&config).to_string()),
            "/jwks" => (200, config.jwks.to_string()),
            "/token" => config.token_response.clone(),
            _ => (404, String::new()),
        }
    };
    let head = format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    // The client may have closed the connection.
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body.as_bytes()).await;
    let _ = stream.shutdown().await;
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse::<usize>().ok());
    body.len() >= length.unwrap_or_default()
}

fn description(config: &IdpConfig) -> Value {
    let IdpConfig {
        issuer,
        discovery_issuer,
        ..
    } = config;
    json!({
            "issuer": discovery_issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
    })
}
