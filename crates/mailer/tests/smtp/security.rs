//! TLS and AUTH.

use super::*;

#[tokio::test]
async fn a_wrong_password_is_unavailable_and_appears_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let certificates = Certificates::new(dir.path());
    for (mode, tls) in [("starttls", TlsMode::Starttls), ("smtps", TlsMode::Smtps)] {
        let server = Server::start(dir.path(), &[&certificates.args(mode)[..], &AUTH].concat());
        let mut settings = secure_settings(server.port, tls, &certificates);
        settings.password = Some(Secret::new("wrong-and-secret"));
        assert!(!format!("{settings:?}").contains("wrong-and-secret"));
        let (stage, message) = unavailable(mailer(&settings).send(&mail("ops@example.com")).await);
        assert_eq!(stage, Stage::Auth);
        assert!(message.contains("535"), "{message}");
        assert!(!message.contains("wrong-and-secret"), "{message}");
        assert!(server.accepted().is_empty());
    }
}

#[tokio::test]
async fn a_server_without_auth_gets_no_password() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let mut settings = settings(server.port);
    settings.username = Some("tocsin".to_owned());
    settings.password = Some(Secret::new("secret"));
    let (stage, message) = unavailable(mailer(&settings).send(&mail("ops@example.com")).await);
    assert_eq!(stage, Stage::Auth, "{message}");
}

#[tokio::test]
async fn an_unknown_certificate_is_not_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let certificates = Certificates::new(dir.path());
    for (mode, tls) in [("starttls", TlsMode::Starttls), ("smtps", TlsMode::Smtps)] {
        let server = Server::start(dir.path(), &certificates.args(mode));
        let settings = SmtpSettings {
            tls,
            ..settings(server.port)
        };
        let (stage, message) = unavailable(mailer(&settings).send(&mail("ops@example.com")).await);
        assert_eq!(stage, Stage::Tls, "{message}");
        assert!(message.contains("UnknownIssuer"), "{message}");

        // Signed by the trusted authority, but for another name.
        let mut settings = SmtpSettings {
            ca_file: Some(certificates.ca.clone()),
            ..settings
        };
        settings.host = "127.0.0.1".to_owned();
        let (stage, message) = unavailable(mailer(&settings).send(&mail("ops@example.com")).await);
        assert_eq!(stage, Stage::Tls, "{message}");
        assert!(server.accepted().is_empty());
    }
}

#[tokio::test]
async fn a_server_without_tls_gets_no_mail_unless_configured() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let starttls = SmtpSettings {
        tls: TlsMode::Starttls,
        ..settings(server.port)
    };
    let (stage, message) = unavailable(mailer(&starttls).send(&mail("ops@example.com")).await);
    assert_eq!(stage, Stage::Tls);
    assert!(message.contains("STARTTLS"), "{message}");
    let smtps = SmtpSettings {
        tls: TlsMode::Smtps,
        ..settings(server.port)
    };
    let (stage, message) = unavailable(mailer(&smtps).send(&mail("ops@example.com")).await);
    assert_eq!(stage, Stage::Tls, "{message}");
    assert!(server.accepted().is_empty());
    assert_eq!(
        mailer(&settings(server.port))
            .send(&mail("ops@example.com"))
            .await,
        Ok(Delivered::Sent)
    );
}
