super::words! {
    /// The page shown before the first alert.
    Empty;
    title: "No alerts yet", "还没有告警";
    intro: "Configure Alertmanager to send its notifications here: add this route and receiver to alertmanager.yml, and reload Alertmanager.",
        "配置 Alertmanager 将通知发送到这里：在 alertmanager.yml 中加入以下 route 和 receiver，然后重新加载 Alertmanager。";
    snippet: "Receiver for alertmanager.yml", "alertmanager.yml 接收器配置";
    test: "Send a test alert", "发送测试告警";
    test_why: "Creates one alert, handled like any other.", "生成一条告警，按普通告警处理。";
    test_sending: "Sending…", "正在发送…";
    token: "The webhook requires a token. Create an ingest token and replace <token> with it.", "Webhook 需要令牌。请创建写入令牌，并替换 <token>。";
    create_token: "Create token", "创建令牌";
    token_from_admin: "The webhook requires a token. Ask an administrator for an ingest token and replace <token> with it.", "Webhook 需要令牌。请向管理员索取写入令牌，并替换 <token>。";
    waiting: "Waiting for the first alert…", "正在等待第一条告警…";
}
