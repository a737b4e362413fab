super::words! {
    /// Before the first alert.
    Empty;
    title: "No alerts yet", "还没有告警";
    intro: "Tell Alertmanager to send its notifications here. Add this receiver to alertmanager.yml, name it in the route, and reload Alertmanager.",
        "让 Alertmanager 把通知发送到这里：将下面的接收器加入 alertmanager.yml，在 route 中引用，然后重新加载 Alertmanager。";
    snippet: "Receiver for alertmanager.yml", "alertmanager.yml 接收器配置";
    test: "Send a test alert", "发送测试告警";
    test_why: "Sends one alert from this browser to Tocsin, as Alertmanager would.", "由本浏览器模拟 Alertmanager 向 Tocsin 发送一条告警。";
    test_token: "The webhook needs a token, so a test alert cannot be sent from the browser. Put the token into http_config above.",
        "webhook 需要令牌，无法从浏览器发送测试告警。请在上面的 http_config 中填写令牌。";
    test_sending: "Sending…", "正在发送…";
    test_summary: "Test alert from the browser", "来自浏览器的测试告警";
    test_description: "Somebody pressed “Send a test alert”. Everything works; acknowledge it and be well.",
        "有人点击了“发送测试告警”。一切正常，知悉即可。";
    waiting: "Waiting for the first alert…", "正在等待第一条告警…";
}
