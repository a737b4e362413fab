//! TLS in the program itself.

use reqwest::Response;
use reqwest::tls::TlsInfo;
use serde_json::json;
use tocsin_tests::{Certificates, Options, Tocsin, http_client, https_client, run, wait_until};

/// A response on a new connection.
async fn connect(tocsin: &Tocsin, certificates: &Certificates) -> Response {
    let client = https_client(&certificates.ca).build().unwrap();
    let answer = client.get(tocsin.url("/healthz")).send().await;
    answer.unwrap()
}

/// The certificate that the server presents on a new connection.
async fn presented(tocsin: &Tocsin, certificates: &Certificates) -> Vec<u8> {
    let answer = connect(tocsin, certificates).await;
    let info = answer.extensions().get::<TlsInfo>().unwrap();
    info.peer_certificate().unwrap().to_vec()
}

#[tokio::test]
async fn tls_responses_set_hsts_and_secure_cookies() {
    let certificates = Certificates::new();
    let tocsin = Tocsin::start(Options::default().tls(&certificates)).await;
    let answer = connect(&tocsin, &certificates).await;
    let header = |name: &str| answer.headers()[name].to_str().unwrap();
    assert_eq!(header("strict-transport-security"), "max-age=31536000");
    assert!(header("content-security-policy").contains("frame-ancestors 'none'"));
    assert_eq!(header("x-frame-options"), "DENY");

    let args = ["user", "add", "--role", "admin", "--name", "Ann"];
    let args = [&args[..], &["--email", "ann@example.com"]].concat();
    let password = "a fox under seven bridges";
    let added = tocsin.command_line(&args, password).await;
    assert_eq!(added.code, Some(0), "{added:?}");
    let sign_in = |origin: String| {
        tocsin
            .http()
            .post(tocsin.url("/api/v1/sign-in"))
            .header("origin", origin)
            .json(&json!({"email": "ann@example.com", "password": password}))
            .send()
    };
    let own = tocsin.url("").trim_end_matches('/').to_owned();
    let answer = sign_in(own).await.unwrap();
    assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    for part in [
        "__Host-tocsin=",
        "HttpOnly",
        "SameSite=Lax",
        "Secure",
        "Path=/",
    ] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let pair = cookie.split(';').next().unwrap().to_owned();
    let me = tocsin.http().get(tocsin.url("/api/v1/me"));
    let me = me.header("cookie", &pair).send().await.unwrap();
    assert_eq!(me.status(), 200);
    // The cookie name of connections without TLS is ignored.
    let plain = pair.replace("__Host-", "");
    let me = tocsin.http().get(tocsin.url("/api/v1/me"));
    let me = me.header("cookie", plain).send().await.unwrap();
    assert_eq!(me.status(), 401);
    let foreign = sign_in("https://evil.example.net".to_owned()).await;
    assert_eq!(foreign.unwrap().status(), 403);

    assert!(tocsin.log().contains(&tocsin.url("/")), "{}", tocsin.log());
    let plaintext = tocsin.url("/healthz").replace("https:", "http:");
    let plaintext = http_client().build().unwrap().get(plaintext).send().await;
    assert!(plaintext.is_err(), "{plaintext:?}");
}

#[tokio::test]
async fn renewed_certificate_is_used_without_a_restart() {
    let certificates = Certificates::new();
    let tocsin = Tocsin::start(Options::default().tls(&certificates)).await;
    let first = presented(&tocsin, &certificates).await;
    assert_eq!(presented(&tocsin, &certificates).await, first);

    // The program detects the new file without a signal.
    certificates.renew();
    wait_until("the renewed certificate is presented", || async {
        presented(&tocsin, &certificates).await != first
    })
    .await;
    let second = presented(&tocsin, &certificates).await;

    // An invalid certificate is logged, and the previous one stays in use.
    std::fs::write(&certificates.cert, "-----BEGIN CERTIFICATE-----\n!\n").unwrap();
    tocsin.reload();
    wait_until("the invalid certificate is logged", || async {
        tocsin.log().contains("the new TLS certificate is invalid")
    })
    .await;
    assert_eq!(presented(&tocsin, &certificates).await, second);

    certificates.renew();
    tocsin.reload();
    wait_until("the valid certificate is presented", || async {
        presented(&tocsin, &certificates).await != second
    })
    .await;
    let started = tocsin.log().matches("\"serving\"").count();
    assert_eq!(started, 1, "it was not restarted");
}

#[tokio::test]
async fn invalid_certificate_is_rejected_at_the_start() {
    let certificates = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let key = certificates.key.to_string_lossy().into_owned();
    let settings = [
        ("server.tls.cert_file", key.as_str()),
        ("server.tls.key_file", key.as_str()),
    ];
    for command in ["serve", "check-config"] {
        let ended = run(folder.path(), &[command], &settings);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(
            ended
                .stderr
                .contains("server.tls.cert_file: expected certificates as PEM"),
            "{ended:?}"
        );
    }
}
