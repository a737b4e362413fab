//! Sending through a real SMTP server, with TLS, AUTH and its refusals.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that unwraps says where it failed, in its helpers too"
)]

mod support;

use std::time::{Duration, Instant};

use mail_parser::MessageParser;
use support::{AUTH, Certificates, Server, mail, secure_settings, settings};
use tocsin_mailer::{
    Delivered, Language, Mailer, Mode, OutgoingMail, Renderer, Secret, SendError, SettingsError,
    SmtpMailer, SmtpSettings, Stage, TlsMode, sample_facts,
};

fn mailer(settings: &SmtpSettings) -> SmtpMailer {
    SmtpMailer::new(settings).unwrap()
}

/// The stage at which it failed for reasons of ours, and what was said.
fn unavailable(result: Result<Delivered, SendError>) -> (Stage, String) {
    match result {
        Err(SendError::Unavailable { stage, message }) => (stage, message),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_rendered_mail_arrives_over_starttls_and_auth_as_it_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let certificates = Certificates::new(dir.path());
    let server = Server::start(
        dir.path(),
        &[&certificates.args("starttls")[..], &AUTH].concat(),
    );
    let mailer = mailer(&secure_settings(
        server.port,
        TlsMode::Starttls,
        &certificates,
    ));
    assert_eq!(mailer.mode(), Mode::Smtp);
    assert_eq!(mailer.send_timeout(), Duration::from_secs(30));
    let renderer = Renderer::new(None).unwrap();
    for language in Language::ALL {
        let mail = renderer.render(&sample_facts(language)).unwrap();
        assert_eq!(mailer.send(&mail).await, Ok(Delivered::Sent));
    }

    let accepted = server.accepted();
    assert_eq!(accepted.len(), 2);
    for (accepted, word) in accepted
        .iter()
        .zip(["Why you got this mail", "为什么收到这封邮件"])
    {
        assert_eq!(accepted.envelope["mail_from"], "tocsin@example.com");
        assert_eq!(
            accepted.envelope["rcpt_to"],
            serde_json::json!(["lilei@example.com"])
        );
        assert_eq!(accepted.envelope["tls"], true);
        assert_eq!(accepted.envelope["user"], "tocsin");
        assert_eq!(accepted.envelope["connection"], 1, "the connection is kept");
        let message = MessageParser::default().parse(&accepted.message).unwrap();
        assert_eq!(message.subject(), Some("[prod] DiskFull db-1:9100 #1"));
        assert_eq!(message.message_id(), Some("sample-1@tocsin.example.com"));
        assert!(message.body_text(0).unwrap().contains(word));
        assert!(message.body_html(0).unwrap().contains(word));
    }
}

#[tokio::test]
async fn smtps_works_and_dots_stay() {
    let dir = tempfile::tempdir().unwrap();
    let certificates = Certificates::new(dir.path());
    let server = Server::start(
        dir.path(),
        &[&certificates.args("smtps")[..], &AUTH].concat(),
    );
    let mailer = mailer(&secure_settings(server.port, TlsMode::Smtps, &certificates));
    assert_eq!(
        mailer.send(&mail("ops@example.com")).await,
        Ok(Delivered::Sent)
    );
    let accepted = server.accepted();
    assert_eq!(accepted[0].envelope["tls"], true);
    let message = String::from_utf8(accepted[0].message.clone()).unwrap();
    assert!(
        message.contains("first\r\n.\r\n..two dots\r\nlast"),
        "{message}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_ours_and_is_not_repeated_anywhere() {
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
async fn a_certificate_nobody_vouches_for_is_not_trusted() {
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

        // Vouched for, but for another name.
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
async fn a_server_without_tls_gets_no_mail_unless_told_so() {
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

#[tokio::test]
async fn a_refused_recipient_spoils_only_its_own_mail() {
    let dir = tempfile::tempdir().unwrap();
    let args = [
        "--reject-rcpt",
        "bad@example.com=550",
        "--reject-rcpt",
        "slow@example.com=451",
    ];
    let server = Server::start(dir.path(), &args);
    let mailer = mailer(&settings(server.port));
    let refused = SendError::Refused {
        code: 550,
        message: "<bad@example.com> refused by this test".to_owned(),
    };
    assert_eq!(mailer.send(&mail("bad@example.com")).await, Err(refused));
    let later = SendError::TryLater {
        message: "451 <slow@example.com> refused by this test".to_owned(),
    };
    assert_eq!(mailer.send(&mail("slow@example.com")).await, Err(later));
    assert_eq!(
        mailer.send(&mail("ops@example.com")).await,
        Ok(Delivered::Sent)
    );
    assert_eq!(
        mailer.send(&mail("dev@example.com")).await,
        Ok(Delivered::Sent)
    );
    let accepted = server.accepted();
    assert_eq!(accepted.len(), 2);
    assert_eq!(
        accepted[0].envelope["rcpt_to"],
        serde_json::json!(["ops@example.com"])
    );
    for accepted in accepted {
        assert_eq!(
            accepted.envelope["connection"], 1,
            "all went over one connection"
        );
    }
}

#[tokio::test]
async fn a_refused_message_spoils_only_itself() {
    for (code, later) in [("554", false), ("451", true)] {
        let dir = tempfile::tempdir().unwrap();
        let args = ["--data-code", code, "--data-code-if", "To: bad@example.com"];
        let server = Server::start(dir.path(), &args);
        let mailer = mailer(&settings(server.port));
        let error = mailer.send(&mail("bad@example.com")).await.unwrap_err();
        match error {
            SendError::Refused { code: 554, .. } if !later => {}
            SendError::TryLater { .. } if later => {}
            other => panic!("{other:?}"),
        }
        assert_eq!(
            mailer.send(&mail("ops@example.com")).await,
            Ok(Delivered::Sent)
        );
        assert_eq!(server.accepted()[0].envelope["connection"], 1);
    }
}

#[tokio::test]
async fn a_refused_sender_is_ours() {
    for code in ["550", "451"] {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::start(dir.path(), &["--reject-mail-from", code]);
        let (stage, message) = unavailable(
            mailer(&settings(server.port))
                .send(&mail("ops@example.com"))
                .await,
        );
        assert_eq!(stage, Stage::MailFrom);
        assert!(message.starts_with(code), "{message}");
    }
}

#[tokio::test]
async fn addresses_that_cannot_be_never_reach_a_server() {
    let mailer = mailer(&settings(1));
    let error = mailer
        .send(&mail("ops@example.com>\r\nRCPT TO:<other@example.com"))
        .await
        .unwrap_err();
    assert!(
        matches!(error, SendError::Refused { code: 553, .. }),
        "{error:?}"
    );
    let bad_sender = OutgoingMail {
        from: "tocsin".to_owned(),
        ..mail("ops@example.com")
    };
    assert_eq!(
        unavailable(mailer.send(&bad_sender).await).0,
        Stage::MailFrom
    );
}

#[tokio::test]
async fn nobody_listening_is_ours() {
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
async fn a_silent_server_does_not_hang_it() {
    // Connections are taken by the kernel, and nobody ever speaks.
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
async fn a_server_too_slow_with_one_message_delays_only_that_one() {
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
async fn a_kept_connection_that_died_is_replaced_without_a_failure() {
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

#[tokio::test]
async fn many_at_once_all_arrive() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let mailer = std::sync::Arc::new(mailer(&settings(server.port)));
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..40 {
        let mailer = mailer.clone();
        tasks.spawn(async move { mailer.send(&mail(&format!("r{n}@example.com"))).await });
    }
    for result in tasks.join_all().await {
        assert_eq!(result, Ok(Delivered::Sent));
    }
    assert_eq!(server.accepted().len(), 40);
}

#[tokio::test]
async fn addresses_outside_ascii_are_sent_where_the_server_takes_them() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &[]);
    let mailer = mailer(&settings(server.port));
    assert_eq!(
        mailer.send(&mail("ops@例え.example")).await,
        Ok(Delivered::Sent)
    );
    assert_eq!(
        mailer.send(&mail("李雷@example.com")).await,
        Ok(Delivered::Sent)
    );
    let accepted = server.accepted();
    assert_eq!(
        accepted[0].envelope["rcpt_to"][0],
        "ops@xn--r8jz45g.example"
    );
    assert_eq!(accepted[1].envelope["rcpt_to"][0], "李雷@example.com");
}

#[test]
fn settings_that_cannot_work_are_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let good = settings(25);
    let refused = |settings: &SmtpSettings| SmtpMailer::new(settings).err().unwrap();
    let error = refused(&SmtpSettings {
        host: "a b".to_owned(),
        ..good.clone()
    });
    assert!(matches!(error, SettingsError::Host));
    let error = refused(&SmtpSettings {
        hello_name: Some("x\r\ny".to_owned()),
        ..good.clone()
    });
    assert!(matches!(error, SettingsError::HelloName));
    let error = refused(&SmtpSettings {
        timeout: Duration::ZERO,
        ..good.clone()
    });
    assert!(matches!(error, SettingsError::Timeout));
    let error = refused(&SmtpSettings {
        username: Some("x".to_owned()),
        ..good.clone()
    });
    assert!(matches!(error, SettingsError::Credentials("password")));
    let ca_file = Some(dir.path().join("none.pem"));
    let error = refused(&SmtpSettings {
        tls: TlsMode::Smtps,
        ca_file,
        ..good.clone()
    });
    assert!(error.to_string().contains("none.pem"), "{error}");
    let path = dir.path().join("empty.pem");
    std::fs::write(&path, "nothing").unwrap();
    let error = refused(&SmtpSettings {
        tls: TlsMode::Smtps,
        ca_file: Some(path),
        ..good
    });
    assert!(error.to_string().contains("no PEM certificate"), "{error}");
}
