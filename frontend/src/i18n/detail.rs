super::words! {
    /// The panel of an incident or a log entry.
    Detail;
    incident: "Incident", "告警事件";
    entry: "Log entry", "日志记录";
    missing: "Not found: there is nothing with this ID, or it was deleted.", "未找到：此 ID 不存在，或内容已被清理。";
    started: "Started", "产生时间";
    ended: "Ended", "恢复时间";
    first_seen: "First seen", "首次接收";
    last_seen: "Last seen", "最近更新";
    duration: "Duration", "持续时间";
    received_times: "Received", "次数";
    senders: "Senders", "发送方";
    fingerprint: "Fingerprint", "指纹";
    times [fn(i64) -> String]: |n| super::plural(n.unsigned_abs(), "time", "times"), |n| format!("收到 {n} 次");
    not_ended: "not yet", "尚未结束";
    labels: "Labels", "标签";
    annotations: "Annotations", "注解";
    nothing: "None", "无";
    graph: "Graph in Prometheus", "在 Prometheus 中查看";
    timeline: "Timeline", "时间线";
    more: "Show earlier entries", "显示更早的记录";
    notification_to [fn(&str) -> String]: |who| format!("Notification to {who}"), |who| format!("通知 {who}");
    because_route [fn(&str, &str) -> String]: |route, group| format!("route {route}, group {group}"),
        |route, group| format!("通知规则 {route}，分组 {group}");
    because_group [fn(&str) -> String]: |group| format!("group {group}"), |group| format!("分组 {group}");
    alert_started: "Alert started", "告警产生";
    expired: "Expired: ended without a resolution", "未收到恢复，已结束";
    closed_by [fn(&str) -> String]: |who| format!("Closed by {who}"), |who| format!("{who} 关闭了告警事件");
    unacknowledged_by [fn(&str) -> String]: |who| format!("Unacknowledged by {who}"), |who| format!("{who} 取消了知悉");
    other_incidents: "Other occurrences", "历史告警";
    no_other_incidents: "No other occurrences of this alert.", "此告警没有其他记录。";
    known_or_ended: "Acknowledged or ended", "已知悉或已结束";
    not_acknowledged: "Not acknowledged.", "未知悉。";
    payload: "Payload", "原始报文";
    payload_deleted: "The payload is no longer stored.", "原始报文已清理。";
    request: "Request", "接收记录";
    received: "Received", "接收时间";
    sender: "Sender", "发送方";
    receiver: "Receiver", "接收器";
    request_alerts: "Alerts", "包含告警";
    truncated [fn(i64) -> String]: |n| format!("{n} more truncated by the sender"), |n| format!("另有 {n} 条被发送方截断");
    view_incident: "View incident", "查看告警事件";
    save_note: "Save note", "保存备注";
}
