//! Rejections by servers and by settings.

use super::*;

#[tokio::test]
async fn a_rejected_recipient_affects_only_its_own_mail() {
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
async fn a_rejected_message_affects_only_itself() {
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
async fn a_rejected_sender_is_unavailable() {
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
async fn invalid_addresses_never_reach_a_server() {
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

#[test]
fn invalid_settings_are_rejected_by_name() {
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
