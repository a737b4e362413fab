//! What becomes of the program when nobody reads its log.

use tocsin_api_types::NotificationState;
use tocsin_tests::{Options, SmtpServer, Tocsin, Webhook, eventually, firing, team};

/// With a line for each request, well over what a pipe and the queue hold.
const REQUESTS: usize = 1_000;

#[tokio::test]
async fn a_reader_that_hangs_holds_nothing_up() {
    let server = SmtpServer::plain();
    let options = Options::default().smtp(&server).set("log.level", "trace");
    let mut tocsin = Tocsin::start(options).await;
    team(&tocsin, "infra").await;
    tocsin.stop_reading();
    eventually("lines are dropped and counted", || async {
        for _ in 0..REQUESTS {
            tocsin.get::<serde_json::Value>("/api/v1/status").await;
        }
        let metrics = tocsin.metrics().await;
        (metrics.sum("tocsin_log_lines_dropped_total", &[]) > 0.0).then_some(())
    })
    .await;
    for n in 0..3 {
        let alert = firing("Down").team("infra").instance(&n.to_string());
        assert_eq!(tocsin.post(&Webhook::of([alert])).await.opened, 1);
    }
    server.wait_for(3).await;
    let mails = tocsin.settled().await;
    assert!(
        mails
            .iter()
            .all(|mail| mail.state == NotificationState::Sent)
    );
    tocsin.terminate();
    assert!(tocsin.ended().await.success(), "it drains and ends");
}

#[tokio::test]
async fn a_reader_that_has_gone_holds_nothing_up() {
    let server = SmtpServer::plain();
    let mut tocsin = Tocsin::start(Options::default().smtp(&server)).await;
    team(&tocsin, "infra").await;
    tocsin.close_log();
    for n in 0..20 {
        let alert = firing("Down").team("infra").instance(&n.to_string());
        assert_eq!(tocsin.post(&Webhook::of([alert])).await.opened, 1);
    }
    server.wait_for(20).await;
    tocsin.terminate();
    assert!(tocsin.ended().await.success(), "it drains and ends");
}
