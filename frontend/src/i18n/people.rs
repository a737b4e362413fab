use tocsin_api_types::NotificationState;

super::words! {
    /// Recipients, groups, routes and mails.
    People;
    admins_only: "Only administrators may change recipients, groups and routes.", "仅管理员可修改告警人、分组和路由。";
    sections: "Parts of this page", "页面内容";
    recipients: "Recipients", "告警人";
    groups: "Groups", "分组";
    routes: "Routes", "路由";
    mails: "Mails", "邮件";
    name: "Name", "名称";
    person_name: "Name", "姓名";
    email: "E-mail", "邮箱";
    language: "Language of mails", "邮件语言";
    zone: "Time zone", "时区";
    zone_hint: "Times in mails are shown in it.", "邮件中的时间按此时区显示。";
    default [fn(&str) -> String]: |what| format!("Default ({what})"), |what| format!("默认（{what}）");
    english: "English", "英文";
    chinese: "Chinese", "中文";
    enabled: "Gets mail", "接收邮件";
    disabled: "mail off", "已停用";
    actions: "Actions", "操作";
    members: "Recipients", "成员";
    is_default: "Default group", "默认分组";
    is_default_hint: "Gets what no route matches. At most one group is the default.", "接收未匹配任何路由的告警，最多一个默认分组。";
    default_mark: "default", "默认";
    no_members: "nobody", "无成员";
    matchers: "Matchers", "匹配器";
    matchers_hint: "As Alertmanager writes them, such as team=\"infra\" or severity=~\"critical|warning\". All must hold; none match everything.",
        "与 Alertmanager 写法相同，如 team=\"infra\" 或 severity=~\"critical|warning\"。须全部满足；留空则匹配所有告警。";
    matcher_n [fn(usize) -> String]: |n| format!("Matcher {n}"), |n| format!("匹配器 {n}");
    matcher_wrong: "A matcher such as team=\"infra\" was expected.", "应为匹配器，例如 team=\"infra\"。";
    add_matcher: "Add matcher", "添加匹配器";
    remove_matcher: "Remove matcher", "移除匹配器";
    everything: "everything", "所有告警";
    no_groups: "nobody (not mailed)", "无（不发送邮件）";
    to_groups: "Groups that get mail", "接收邮件的分组";
    to_groups_hint: "None: what matches is not mailed.", "不选则匹配的告警不发送邮件。";
    go_on: "Continue", "继续匹配";
    go_on_hint: "Go on to the routes below after a match.", "匹配后继续尝试后面的路由。";
    repeat: "Mail repeats", "重复告警发邮件";
    repeat_hint: "Mail incidents that Alertmanager tells again.", "Alertmanager 重复告警时再次发送邮件。";
    no_repeat: "no repeats", "不发重复告警";
    goes_on: "continues", "继续匹配";
    order: "Order", "顺序";
    move_up [fn(&str) -> String]: |what| format!("Move {what} up"), |what| format!("上移 {what}");
    move_down [fn(&str) -> String]: |what| format!("Move {what} down"), |what| format!("下移 {what}");
    routes_why: "Tried from the top; the first that matches decides, unless it continues. What matches no route goes to the default group.",
        "自上而下匹配，首个匹配的路由生效（除非设置为继续匹配）。未匹配任何路由的告警发给默认分组。";
    test_to [fn(&str) -> String]: |who| format!("Send a test alert to {who}"), |who| format!("向 {who} 发送测试告警");
    test_sent [fn(&str) -> String]: |who| format!("A test alert is on its way to {who}"), |who| format!("测试告警已发往 {who}");
    test_failed [fn(&str) -> String]: |why| format!("No test alert was sent. {why}"), |why| format!("测试告警发送失败。{why}");
    team_route: "By team", "按团队";
    team_route_matches: "a group is named like the alert's team", "存在与告警 team 同名的分组";
    team_route_goes: "to the group of that name", "发给同名分组";
    match_all: "Match every alert", "匹配所有告警";
    match_all_missing: "Add a matcher, or say that it matches every alert.", "请添加匹配器，或选择匹配所有告警。";
    notify_nobody: "Notify nobody", "不通知任何人";
    notify_nobody_missing: "Choose a group, or say that nobody is notified.", "请选择分组，或选择不通知任何人。";
    add_recipient: "Add recipient", "添加告警人";
    add_group: "Add group", "添加分组";
    add_route: "Add route", "添加路由";
    edit_named [fn(&str) -> String]: |what| format!("Edit {what}"), |what| format!("编辑 {what}");
    delete_named [fn(&str) -> String]: |what| format!("Delete {what}"), |what| format!("删除 {what}");
    delete_sure [fn(&str) -> String]: |what| format!("{what} will be deleted. This cannot be undone."), |what| format!("将删除 {what}，无法撤销。");
    no_recipients: "No recipients yet. Add whom alerts should be mailed to.", "还没有告警人。请添加接收告警邮件的人。";
    no_groups_yet: "No groups yet. A group named like a team gets that team's alerts.", "还没有分组。与 team 同名的分组会收到该团队的告警。";
    no_mails: "No mails.", "没有邮件。";
    choose_none: "There are none yet.", "暂无可选项。";
    mail_file: "No SMTP server is configured: mails are written to files in the data directory, not sent.",
        "未配置 SMTP 服务器：邮件写入数据目录下的文件，不会发送。";
    mail_queued [fn(i64) -> String]: |n| format!("{} waiting to be sent.", super::plural(n.unsigned_abs(), "mail is", "mails are")),
        |n| format!("{n} 封邮件等待发送。");
    mail_state [fn(NotificationState) -> &'static str]: |s| match s {
        NotificationState::Queued => "queued",
        NotificationState::Sending => "sending",
        NotificationState::Sent => "sent",
        NotificationState::Failed => "failed",
        NotificationState::Written => "written to a file",
        NotificationState::Canceled => "canceled",
    }, |s| match s {
        NotificationState::Queued => "待发送",
        NotificationState::Sending => "发送中",
        NotificationState::Sent => "已发送",
        NotificationState::Failed => "发送失败",
        NotificationState::Written => "已写入文件",
        NotificationState::Canceled => "已取消",
    };
    all_mails: "All", "全部";
    resend: "Send again", "重新发送";
    resend_named [fn(&str) -> String]: |who| format!("Send again to {who}"), |who| format!("重新发送给 {who}");
    resent: "The mail is queued again.", "邮件已重新排队。";
    resend_failed [fn(&str) -> String]: |why| format!("Not queued. {why}"), |why| format!("排队失败。{why}");
    resend_of [fn(i64) -> String]: |id| format!("sends mail #{id} again"), |id| format!("重新发送邮件 #{id}");
    attempts [fn(u64) -> String]: |n| super::plural(n, "attempt", "attempts"), |n| format!("尝试 {n} 次");
    attempt_ok: "taken", "成功";
    attempt_open: "not finished", "未完成";
    next_attempt: "next attempt", "下次尝试";
    more: "Show more", "显示更多";
}
