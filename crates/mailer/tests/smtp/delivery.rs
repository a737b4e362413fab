//! Successful sends.

use super::*;

#[tokio::test]
async fn a_rendered_mail_arrives_unchanged_over_starttls_and_auth() {
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
        let mail = renderer.render(&sample_content(language)).unwrap();
        assert_eq!(mailer.send(&mail).await, Ok(Delivered::Sent));
    }

    let accepted = server.accepted();
    assert_eq!(accepted.len(), 2);
    for (accepted, word) in accepted
        .iter()
        .zip(["Why you received this e-mail", "为什么收到这封邮件"])
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
async fn concurrent_mails_all_arrive() {
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
async fn international_addresses_are_sent_if_the_server_supports_them() {
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
