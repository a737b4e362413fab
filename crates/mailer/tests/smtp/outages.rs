//! Servers that are down, silent or slow.

use super::*;

#[tokio::test]
async fn a_server_that_is_down_is_unavailable() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let (stage, message) =
        unavailable(mailer(&settings(free)).send(&mail("ops@example.com")).await);
    assert_eq!(stage, Stage::Connect);
    assert!(
        message.contains("refused") && message.starts_with("localhost:"),
        "{message}"
    );
    let mut settings = settings(free);
    settings.host = "no-such-host.invalid".to_owned();
    assert_eq!(
        unavailable(mailer(&settings).send(&mail("ops@example.com")).await).0,
        Stage::Connect
    );
}

#[tokio::test]
async fn a_silent_server_times_out() {
    // The kernel accepts connections, and no process answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for tls in [TlsMode::None, TlsMode::Smtps] {
        let settings = SmtpSettings {
            timeout: Duration::from_millis(300),
            tls,
            host: "127.0.0.1".to_owned(),
            ..settings(silent.local_addr().unwrap().port())
        };
        let mailer = mailer(&settings);
        let began = Instant::now();
        let (stage, message) = unavailable(mailer.send(&mail("ops@example.com")).await);
        assert!(began.elapsed() < mailer.send_timeout());
        assert_eq!(stage, Stage::Connect);
        assert!(message.contains("no answer within 300ms"), "{message}");
    }
}

#[tokio::test]
async fn a_timeout_of_one_message_delays_only_that_one() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--delay-ms", "60000"]);
    let settings = SmtpSettings {
        timeout: Duration::from_millis(500),
        ..settings(server.port)
    };
    let error = mailer(&settings)
        .send(&mail("ops@example.com"))
        .await
        .unwrap_err();
    assert!(matches!(error, SendError::TryLater { .. }), "{error:?}");
}

#[tokio::test]
async fn a_dead_pooled_connection_is_replaced_without_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let port = server.port.to_string();
    let mailer = mailer(&settings(server.port));
    assert_eq!(
        mailer.send(&mail("one@example.com")).await,
        Ok(Delivered::Sent)
    );
    server.kill();
    let server = Server::start(dir.path(), &["--port", &port]);
    assert_eq!(
        mailer.send(&mail("two@example.com")).await,
        Ok(Delivered::Sent)
    );
    let to: Vec<_> = server
        .accepted()
        .iter()
        .map(|a| a.envelope["rcpt_to"][0].clone())
        .collect();
    assert_eq!(to, ["one@example.com", "two@example.com"]);
    server.kill();
    assert_eq!(
        unavailable(mailer.send(&mail("three@example.com")).await).0,
        Stage::Connect
    );
}
