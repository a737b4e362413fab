super::words! {
    /// One incident or log entry.
    Detail;
    incident: "Incident", "告警事件";
    entry: "Log entry", "日志条目";
    missing: "There is nothing with this number; it may have been removed.", "不存在此编号的内容，可能已被清理。";
    started: "Started", "开始时间";
    ended: "Ended", "结束时间";
    first_seen: "First received", "首次接收";
    last_seen: "Last received", "最近接收";
    duration: "Duration", "持续时间";
    occurrences: "Told", "告警次数";
    senders: "Senders", "发送方";
    fingerprint: "Fingerprint", "指纹";
    times [fn(i64) -> String]: |n| if n == 1 { "once".to_owned() } else { format!("{n} times") }, |n| format!("{n} 次");
    not_ended: "not yet", "尚未结束";
    labels: "Labels", "标签";
    annotations: "Annotations", "注解";
    nothing: "None", "无";
    graph: "Graph in Prometheus", "在 Prometheus 中查看";
    timeline: "What happened", "经过";
    more: "Earlier entries", "更早的记录";
    mail_to [fn(&str) -> String]: |who| format!("Mail to {who}"), |who| format!("邮件发送给 {who}");
    because_route [fn(&str, &str) -> String]: |route, group| format!("route {route}, group {group}"),
        |route, group| format!("路由 {route}，分组 {group}");
    because_group [fn(&str) -> String]: |group| format!("group {group}"), |group| format!("分组 {group}");
    began: "Alert began", "告警开始";
    expired: "Expired: no resolution was received", "未收到恢复消息，已结束";
    closed_by [fn(&str) -> String]: |who| format!("Closed by {who}"), |who| format!("{who} 关闭了告警事件");
    taken_back_by [fn(&str) -> String]: |who| format!("{who} took the acknowledgement back"), |who| format!("{who} 撤销了知悉");
    episodes: "Other episodes", "其他各次告警";
    no_episodes: "No other episode of this alert.", "此告警没有其他记录。";
    known_or_ended: "Acknowledged or ended", "已知悉或已结束";
    not_acknowledged: "Nobody has acknowledged this.", "尚无人知悉。";
    raw: "Raw delivery", "原始推送";
    raw_gone: "The raw delivery is no longer kept.", "原始推送内容已清理。";
    delivery: "Delivery", "推送";
    received: "Received", "接收时间";
    sender: "Sender", "发送方";
    receiver: "Receiver", "接收器";
    delivery_alerts: "Alerts in it", "包含告警";
    truncated [fn(i64) -> String]: |n| format!("{n} more were left out by the sender"), |n| format!("另有 {n} 条被发送方截断");
    whole_incident: "Whole incident", "查看完整事件";
    save_memo: "Save memo", "保存备注";
}
