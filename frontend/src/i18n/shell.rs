super::words! {
    /// Header, banners, shortcuts and toasts.
    Shell;
    skip: "Skip to the content", "跳到正文";
    navigation: "Pages", "页面";
    incidents: "Incidents", "告警事件";
    log: "Log", "告警日志";
    log_title: "Alert log", "告警日志";
    recipients: "Recipients", "告警人";
    settings: "Settings", "设置";
    theme: "Theme", "主题";
    theme_system: "System", "跟随系统";
    theme_light: "Light", "浅色";
    theme_dark: "Dark", "深色";
    language: "Language", "语言";
    density: "Density", "行距";
    comfortable: "Comfortable", "宽松";
    compact: "Compact", "紧凑";
    times: "Times", "时间";
    times_relative: "3 min ago", "3 分钟前";
    times_exact: "Exact", "精确时间";
    refresh: "Auto refresh", "自动刷新";
    refresh_off: "Off", "关闭";
    refresh_every [fn(u32) -> String]: |s| format!("{s} s"), |s| format!("{s} 秒");
    live: "Live", "实时";
    live_hint: "New alerts appear automatically. Click to pause.", "新告警自动出现。点击暂停。";
    reconnecting: "Reconnecting", "重连中";
    reconnecting_hint: "The connection for live updates was lost. Reconnecting. Click to pause.",
        "实时连接已断开，正在重连。点击暂停。";
    paused: "Paused", "已暂停";
    paused_hint: "Live updates are paused. Click to resume.", "实时更新已暂停。点击恢复。";
    demo: "Demo: the alerts in this database are sample data.", "演示：此数据库中的告警均为示例数据。";
    mail_paused [fn(&str, &str) -> String]:
        |since, why| format!("E-mail has been paused since {since}: {why} Notifications are stored and sent when the mail server is available again."),
        |since, why| format!("自 {since} 起暂停发送邮件：{why} 通知已保存，邮件服务器恢复后自动发送。");
    mail_paused_unknown: "the mail server is not available.", "邮件服务器不可用。";
    database_damaged: "The database is damaged. Stop Tocsin and restore a backup. For details, see /readyz and the server log.",
        "数据库已损坏。请停止 Tocsin 并恢复备份。详情见 /readyz 和服务器日志。";
    unreadable_rows [fn(u64) -> String]:
        |n| format!("{} cannot be read. For details, see /readyz and the server log.", super::plural(n, "stored row", "stored rows")),
        |n| format!("有 {n} 行数据无法读取。详情见 /readyz 和服务器日志。");
    help: "Keyboard shortcuts", "键盘快捷键";
    help_hint: "Keyboard shortcuts (?)", "键盘快捷键 (?)";
    key_search: "Search", "搜索";
    key_move: "Next and previous row", "下一行、上一行";
    key_open: "Open the row", "打开该行";
    key_close: "Close", "关闭";
    key_ack: "Acknowledge the row or the selected rows", "知悉该行或所选各行";
    key_select: "Select the row", "选择该行";
    key_refresh: "Refresh", "刷新";
    key_incidents: "Go to Incidents", "前往告警事件";
    key_log: "Go to Log", "前往告警日志";
    key_recipients: "Go to Recipients", "前往告警人";
    key_users: "Go to Administration", "前往管理";
    key_help: "Show keyboard shortcuts", "显示键盘快捷键";
    messages: "Messages", "消息";
    not_found: "This page does not exist.", "页面不存在。";
    to_incidents: "Go to Incidents", "前往告警事件";
    ack_done_one [fn(&str) -> String]: |what| format!("Acknowledged {what}"), |what| format!("已知悉 {what}");
    ack_done_many [fn(u64) -> String]: |n| format!("Acknowledged {}", super::plural(n, "incident", "incidents")),
        |n| format!("已知悉 {n} 个告警事件");
    ack_none: "Nothing to acknowledge: all of them are acknowledged or ended.", "无需知悉：均已知悉或已结束。";
    unack_done: "Unacknowledged", "已取消知悉";
    close_done_one [fn(&str) -> String]: |what| format!("Closed {what}"), |what| format!("已关闭 {what}");
    close_done_many [fn(u64) -> String]: |n| format!("Closed {}", super::plural(n, "incident", "incidents")),
        |n| format!("已关闭 {n} 个告警事件");
    close_none: "Nothing to close: all of them have ended.", "无需关闭：均已结束。";
    close_failed [fn(&str) -> String]: |why| format!("Not closed. {why}"), |why| format!("关闭失败。{why}");
    ack_failed [fn(&str) -> String]: |why| format!("Not acknowledged. {why}"), |why| format!("知悉失败。{why}");
}
