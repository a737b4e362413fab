super::words! {
    /// Before the first alert.
    Empty;
    title: "No alerts yet", "还没有告警";
    intro: "Tell Alertmanager to send its notifications here. Add this receiver to alertmanager.yml, name it in the route, and reload Alertmanager.",
        "让 Alertmanager 把通知发送到这里：将下面的接收器加入 alertmanager.yml，在 route 中引用，然后重新加载 Alertmanager。";
    snippet: "Receiver for alertmanager.yml", "alertmanager.yml 接收器配置";
    test: "Send a test alert", "发送测试告警";
    test_why: "Tocsin makes up one alert and treats it like any other.", "Tocsin 生成一条告警，并按普通告警处理。";
    test_sending: "Sending…", "正在发送…";
    token: "Deliveries need a token. Create one that delivers alerts, and put it in place of <token>.", "推送需要令牌。请创建用于推送告警的令牌，并替换 <token>。";
    token_make: "Create a token", "创建令牌";
    token_ask: "Deliveries need a token. Ask an administrator for one, and put it in place of <token>.", "推送需要令牌。请向管理员索取，并替换 <token>。";
    waiting: "Waiting for the first alert…", "正在等待第一条告警…";
}
