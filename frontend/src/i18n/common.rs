use tocsin_api_types::{EntryKind, IncidentState, Status};

super::words! {
    /// Used everywhere.
    Common;
    try_again: "Try again", "重试";
    cancel: "Cancel", "取消";
    save: "Save", "保存";
    saving: "Saving…", "正在保存…";
    delete: "Delete", "删除";
    edit: "Edit", "编辑";
    add: "Add", "添加";
    close: "Close", "关闭";
    copy: "Copy", "复制";
    copied: "Copied", "已复制";
    undo: "Undo", "撤销";
    dismiss: "Dismiss", "关闭提示";
    field_wrong [fn(&str, &str) -> String]: |_, message| super::sentence(message), |field, message| super::wrong_in_chinese(field, message);
    changed_meanwhile: "Somebody else changed this while you were writing. Take over what they wrote, or overwrite it with yours.",
        "在您编辑期间，他人已修改此项。请选择载入对方的内容，或用您的内容覆盖。";
    field: "Field", "字段";
    theirs: "Theirs", "对方";
    yours: "Yours", "您的";
    load_theirs: "Load theirs", "载入对方的内容";
    overwrite: "Overwrite with mine", "用我的覆盖";
    yes: "Yes", "是";
    no: "No", "否";
    unknown: "unknown", "未知";
    empty_value: "(empty)", "（空）";
    utc: "UTC", "UTC";
    unreachable: "The server cannot be reached. Check that Tocsin is running and that the network works.",
        "无法连接服务器。请确认 Tocsin 正在运行且网络正常。";
    unreadable: "The server's answer could not be read. After an upgrade, reload the page.",
        "无法识别服务器的响应。若刚刚升级，请刷新页面。";
    status_error [fn(u16) -> String]: |s| format!("The server answered with status {s}. Try again; if it stays so, look into its log."),
        |s| format!("服务器返回状态 {s}。请重试；若问题依旧，请查看服务器日志。");
    severity_name [fn(&str) -> Option<&'static str>]: |s| match s {
        "critical" => Some("critical"),
        "warning" => Some("warning"),
        "info" => Some("info"),
        _ => None,
    }, |s| match s {
        "critical" => Some("严重"),
        "warning" => Some("警告"),
        "info" => Some("提示"),
        _ => None,
    };
    no_severity: "no severity", "无级别";
    status [fn(Status) -> &'static str]: |s| match s {
        Status::Firing => "firing",
        Status::Resolved => "resolved",
    }, |s| match s {
        Status::Firing => "告警中",
        Status::Resolved => "已恢复",
    };
    state [fn(IncidentState) -> &'static str]: |s| match s {
        IncidentState::Open => "open",
        IncidentState::Resolved => "resolved",
        IncidentState::Expired => "expired",
        IncidentState::Closed => "closed",
    }, |s| match s {
        IncidentState::Open => "告警中",
        IncidentState::Resolved => "已恢复",
        IncidentState::Expired => "未收到恢复",
        IncidentState::Closed => "已关闭",
    };
    stale: "stale", "久无消息";
    kind [fn(EntryKind) -> &'static str]: |k| match k {
        EntryKind::Opened => "Fired",
        EntryKind::Resolved => "Resolved",
        EntryKind::Refreshed => "Repeated",
        EntryKind::Late => "Late news, nothing changed",
        EntryKind::Updated => "Updated",
    }, |k| match k {
        EntryKind::Opened => "触发",
        EntryKind::Resolved => "恢复",
        EntryKind::Refreshed => "重复告警",
        EntryKind::Late => "迟到的消息，状态不变",
        EntryKind::Updated => "内容更新",
    };
    alertname: "Alert", "告警";
    instance: "Instance", "实例";
    severity: "Severity", "级别";
    team: "Team", "团队";
    message: "Message", "内容";
    memo: "Memo", "知悉备注";
    memo_hint: "Memo (optional): what you know or do", "知悉备注（可选）：原因或处理情况";
    acknowledge: "Acknowledge", "知悉";
    acknowledged: "Acknowledged", "已知悉";
    unacknowledge: "Take back", "撤销知悉";
    close_incident: "Close incident", "关闭事件";
    close_incidents: "Close incidents", "关闭事件";
    close_sure: "It counts as over, whatever its source says. If the alert goes on firing, a new incident opens a few minutes later.",
        "告警事件将视为已结束，无论来源如何上报。如果告警仍在持续，几分钟后会出现新的告警事件。";
    acknowledged_by [fn(&str) -> String]: |who| format!("Acknowledged by {who}"), |who| format!("{who} 已知悉");
}
