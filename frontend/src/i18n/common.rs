use tocsin_api_types::{EntryKind, IncidentState, Status};

super::words! {
    /// Words used on several pages.
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
    conflict: "Someone else edited this. Reload their version, or overwrite it.", "此项已被他人修改。请载入对方的版本，或将其覆盖。";
    field: "Field", "字段";
    theirs: "Their version", "对方的版本";
    yours: "Your version", "当前编辑";
    reload_theirs: "Reload their version", "载入对方的版本";
    overwrite: "Overwrite", "覆盖";
    yes: "Yes", "是";
    no: "No", "否";
    unknown: "unknown", "未知";
    empty_value: "(empty)", "（空）";
    utc: "UTC", "UTC";
    unreachable: "The server cannot be reached. Check that Tocsin is running and that the network works.",
        "无法连接服务器。请确认 Tocsin 正在运行且网络正常。";
    unreadable: "The server's response could not be read. After an upgrade, reload the page.",
        "无法识别服务器的响应。若刚刚升级，请刷新页面。";
    status_error [fn(u16) -> String]: |s| format!("The server returned status {s}. Try again. If the error persists, check the server log."),
        |s| format!("服务器返回状态 {s}。请重试；若问题依旧，请查看服务器日志。");
    severity_name [fn(&str) -> Option<&'static str>]: |s| match s {
        "critical" => Some("critical"),
        "warning" => Some("warning"),
        "info" => Some("info"),
        "none" => Some("none"),
        _ => None,
    }, |s| match s {
        "critical" => Some("严重"),
        "warning" => Some("警告"),
        "info" => Some("提示"),
        "none" => Some("无"),
        _ => None,
    };
    no_severity: "none", "无";
    status [fn(Status) -> &'static str]: |s| match s {
        Status::Firing => "Firing",
        Status::Resolved => "Resolved",
    }, |s| match s {
        Status::Firing => "告警中",
        Status::Resolved => "已恢复",
    };
    state [fn(IncidentState) -> &'static str]: |s| match s {
        IncidentState::Open => "Open",
        IncidentState::Resolved => "Resolved",
        IncidentState::Expired => "Expired",
        IncidentState::Closed => "Closed",
    }, |s| match s {
        IncidentState::Open => "告警中",
        IncidentState::Resolved => "已恢复",
        IncidentState::Expired => "未收到恢复",
        IncidentState::Closed => "已关闭",
    };
    stale: "Stale", "未更新";
    kind [fn(EntryKind) -> &'static str]: |k| match k {
        EntryKind::Opened => "Fired",
        EntryKind::Resolved => "Resolved",
        EntryKind::Refreshed => "Repeated",
        EntryKind::Late => "Out of order",
        EntryKind::Updated => "Updated",
    }, |k| match k {
        EntryKind::Opened => "触发",
        EntryKind::Resolved => "恢复",
        EntryKind::Refreshed => "重复",
        EntryKind::Late => "延迟到达",
        EntryKind::Updated => "内容更新",
    };
    alertname: "Alert", "告警名称";
    instance: "Instance", "实例";
    severity: "Severity", "级别";
    team: "Team", "团队";
    message: "Message", "告警信息";
    note: "Note", "备注";
    note_hint: "Note (optional): cause or action taken", "备注（可选）：原因或处理情况";
    acknowledge: "Acknowledge", "知悉";
    acknowledged: "Acknowledged", "已知悉";
    unacknowledge: "Unacknowledge", "取消知悉";
    close_incident: "Close incident", "关闭告警事件";
    close_incidents: "Close incidents", "关闭告警事件";
    close_confirm: "A closed incident counts as ended, even if its source still reports it as firing. If the alert keeps firing, a new incident opens a few minutes later.",
        "关闭后，告警事件视为已结束，即使来源仍在上报。如果告警仍在持续，几分钟后会产生新的告警事件。";
    acknowledged_by [fn(&str) -> String]: |who| format!("Acknowledged by {who}"), |who| format!("{who} 已知悉");
}
