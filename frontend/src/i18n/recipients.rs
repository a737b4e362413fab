use tocsin_api_types::NotificationState;

super::words! {
    /// Recipients, groups, routes and the notification log.
    Recipients;
    admins_only: "Only administrators can change recipients, groups and routes.", "仅管理员可修改告警人、分组和通知规则。";
    sections: "Sections of this page", "页面内容";
    recipients: "Recipients", "告警人";
    groups: "Groups", "分组";
    routes: "Routes", "通知规则";
    notification_log: "Notification log", "通知记录";
    name: "Name", "名称";
    person_name: "Name", "姓名";
    email: "E-mail", "邮箱";
    language: "Notification language", "通知语言";
    zone: "Time zone", "时区";
    zone_hint: "Notifications show times in this time zone.", "通知中的时间按此时区显示。";
    default [fn(&str) -> String]: |what| format!("Default ({what})"), |what| format!("默认（{what}）");
    english: "English", "英文";
    chinese: "Chinese", "中文";
    enabled: "Receives notifications", "接收通知";
    disabled: "Disabled", "已停用";
    actions: "Actions", "操作";
    members: "Recipients", "告警人";
    is_default: "Default group", "默认分组";
    is_default_hint: "Receives alerts that match no route. At most one group is the default.", "接收未匹配任何通知规则的告警，最多一个默认分组。";
    default_badge: "default", "默认";
    no_members: "no recipients", "无告警人";
    matchers: "Matchers", "匹配条件";
    matchers_hint: "In Alertmanager's syntax, for example team=\"infra\" or severity=~\"critical|warning\". All of them must match.",
        "与 Alertmanager 语法相同，例如 team=\"infra\" 或 severity=~\"critical|warning\"。须全部满足。";
    matcher_n [fn(usize) -> String]: |n| format!("Matcher {n}"), |n| format!("匹配条件 {n}");
    matcher_wrong: "Enter a matcher, for example team=\"infra\".", "请输入匹配条件，例如 team=\"infra\"。";
    add_matcher: "Add matcher", "添加匹配条件";
    remove_matcher: "Remove matcher", "移除匹配条件";
    all_alerts: "all alerts", "所有告警";
    no_notification: "no notification", "不通知任何人";
    to_groups: "Groups to notify", "通知的分组";
    to_groups_hint: "All recipients of these groups are notified.", "通知这些分组的所有告警人。";
    continue_matching: "Continue to the next routes", "继续匹配后续规则";
    continue_hint: "After a match, the routes below are tried too.", "匹配后继续尝试后面的通知规则。";
    repeat: "Notify on repeats", "重复告警时通知";
    repeat_hint: "Notify again when Alertmanager repeats an alert that is still firing.", "告警未恢复且 Alertmanager 重复发送时，再次通知。";
    no_repeat: "no repeats", "重复告警不通知";
    continues: "continues", "继续匹配";
    order: "Order", "顺序";
    move_up [fn(&str) -> String]: |what| format!("Move {what} up"), |what| format!("上移 {what}");
    move_down [fn(&str) -> String]: |what| format!("Move {what} down"), |what| format!("下移 {what}");
    routes_why: "Routes are tried from top to bottom. The first match decides, unless it continues to the next routes. Alerts that match no route go to the default group.",
        "自上而下匹配，首个匹配的通知规则生效（除非设置为继续匹配后续规则）。未匹配任何通知规则的告警发给默认分组。";
    test_to [fn(&str) -> String]: |who| format!("Send a test alert to {who}"), |who| format!("向 {who} 发送测试告警");
    test_sent [fn(&str) -> String]: |who| format!("Test alert queued for {who}"), |who| format!("已向 {who} 发送测试告警");
    test_failed [fn(&str) -> String]: |why| format!("Test alert not sent. {why}"), |why| format!("测试告警发送失败。{why}");
    team_route: "By team", "按团队";
    team_route_matches: "a group has the name of the alert's team", "存在与告警团队同名的分组";
    team_route_goes: "notify the group of that name", "通知同名分组";
    match_all: "Match every alert", "匹配所有告警";
    match_all_missing: "Add a matcher, or select “Match every alert”.", "请添加匹配条件，或选择“匹配所有告警”。";
    do_not_notify: "Do not notify", "不通知任何人";
    do_not_notify_missing: "Select a group, or select “Do not notify”.", "请选择分组，或选择“不通知任何人”。";
    add_recipient: "Add recipient", "添加告警人";
    add_group: "Add group", "添加分组";
    add_route: "Add route", "添加通知规则";
    edit_named [fn(&str) -> String]: |what| format!("Edit {what}"), |what| format!("编辑 {what}");
    delete_named [fn(&str) -> String]: |what| format!("Delete {what}"), |what| format!("删除 {what}");
    delete_confirm [fn(&str) -> String]: |what| format!("{what} will be deleted. This cannot be undone."), |what| format!("将删除 {what}，无法撤销。");
    no_recipients: "No recipients yet. Add the people to notify of alerts.", "还没有告警人。请添加接收告警通知的人员。";
    no_groups_yet: "No groups yet. A group with the name of a team receives the alerts of that team.", "还没有分组。与团队同名的分组会收到该团队的告警。";
    no_notifications: "No notifications.", "没有通知。";
    choose_none: "None available yet.", "暂无可选项。";
    no_mail_server: "No mail server is configured: notifications are written to files in the data directory, not sent.",
        "未配置邮件服务器：通知写入数据目录下的文件，不会发送。";
    notifications_queued [fn(i64) -> String]: |n| format!("{} to be sent.", super::plural(n.unsigned_abs(), "notification is waiting", "notifications are waiting")),
        |n| format!("{n} 条通知待发送。");
    notification_state [fn(NotificationState) -> &'static str]: |s| match s {
        NotificationState::Queued => "Waiting",
        NotificationState::Sending => "Sending",
        NotificationState::Sent => "Sent",
        NotificationState::Failed => "Failed",
        NotificationState::Written => "Not sent: no mail server",
        NotificationState::Canceled => "Canceled",
    }, |s| match s {
        NotificationState::Queued => "待发送",
        NotificationState::Sending => "发送中",
        NotificationState::Sent => "已发送",
        NotificationState::Failed => "发送失败",
        NotificationState::Written => "未发送：未配置邮件服务器",
        NotificationState::Canceled => "已取消",
    };
    all_states: "All", "全部";
    resend: "Send again", "重新发送";
    resend_named [fn(&str) -> String]: |who| format!("Send again to {who}"), |who| format!("重新发送给 {who}");
    resent: "The notification is queued again.", "通知已重新加入发送队列。";
    resend_failed [fn(&str) -> String]: |why| format!("Not queued. {why}"), |why| format!("重新发送失败。{why}");
    resend_of [fn(i64) -> String]: |id| format!("resend of notification #{id}"), |id| format!("重新发送通知 #{id}");
    attempts [fn(u64) -> String]: |n| super::plural(n, "attempt", "attempts"), |n| format!("{n} 次发送尝试");
    attempt_ok: "sent", "成功";
    attempt_open: "not finished", "未完成";
    next_attempt: "next attempt", "下次尝试";
    more: "Show more", "显示更多";
}
