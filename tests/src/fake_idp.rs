//! An OpenID provider that says whatever it is told to, right or wrong.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The number of its key.
const KEY: &str = "one";

/// What it answers to who exchanges a code: the status, and the body.
type Answer = (u16, String);

/// A running one; it ends with the test.
#[derive(Debug)]
pub struct FakeIdp {
    /// Its address, as it writes it itself.
    pub issuer: String,
    key: KeyPair,
    told: Arc<Mutex<Told>>,
}

#[derive(Debug)]
struct Told {
    issuer: String,
    /// The issuer of its own description.
    says: String,
    jwks: Value,
    answer: Answer,
}

impl FakeIdp {
    /// One with a key of its own.
    ///
    /// # Panics
    /// It does not start.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let issuer = format!("http://127.0.0.1:{port}");
        let key = new_key();
        let told = Told {
            issuer: issuer.clone(),
            says: issuer.clone(),
            jwks: json!({"keys": [public(&key)]}),
            answer: (500, String::new()),
        };
        let told = Arc::new(Mutex::new(told));
        let shared = Arc::clone(&told);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { issuer, key, told }
    }

    /// Another issuer's name in its own description.
    ///
    /// # Panics
    /// Never.
    pub fn call_itself(&self, issuer: &str) {
        self.told.lock().expect("a lock").says = issuer.to_owned();
    }

    /// What whoever exchanges a code gets.
    ///
    /// # Panics
    /// Never.
    pub fn answer(&self, status: u16, body: impl Into<String>) {
        self.told.lock().expect("a lock").answer = (status, body.into());
    }

    /// Gives this ID token to whoever exchanges a code.
    pub fn give(&self, id_token: &str) {
        let body = json!({
            "access_token": "access", "token_type": "Bearer", "expires_in": 60,
            "id_token": id_token,
        });
        self.answer(200, body.to_string());
    }

    /// An ID token with these claims, rightly signed.
    pub fn sign(&self, claims: &Value) -> String {
        signed(&self.key, claims)
    }

    /// The same, signed with a key that nobody knows, under the known key's name.
    #[must_use]
    pub fn sign_with_another_key(&self, claims: &Value) -> String {
        signed(&new_key(), claims)
    }

    /// An ID token with this head and tail.
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
    let text = format!("{}.{}", part(&header), part(claims));
    let signature = key.sign(text.as_bytes()).expect("a signature");
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// One request and its answer, as plain as HTTP allows.
async fn serve(mut stream: TcpStream, told: Arc<Mutex<Told>>) {
    let mut request = Vec::new();
    let mut piece = [0; 4096];
    // A form is short: it comes with its head or right behind it.
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
        let told = told.lock().expect("a lock");
        match path {
            "/.well-known/openid-configuration" => (200, description(&told).to_string()),
            "/jwks" => (200, told.jwks.to_string()),
            "/token" => told.answer.clone(),
            _ => (404, String::new()),
        }
    };
    let head = format!(
        "HTTP/1.1 {status} Answer\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    // Who asked may have had enough.
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

fn description(told: &Told) -> Value {
    let Told { issuer, says, .. } = told;
    json!({
        "issuer": says,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/jwks"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
    })
}
