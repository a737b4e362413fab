use tocsin_api_types::{ActorKind, Role, Scope};

super::words! {
    /// Users, tokens and the audit log.
    Admin;
    administration: "Administration", "管理";
    users: "Users", "用户";
    tokens: "Tokens", "令牌";
    audit: "Audit log", "审计日志";
    add_user: "Add user", "添加用户";
    role: "Role", "角色";
    role_why [fn(Role) -> &'static str]: |role| match role {
        Role::Viewer => "Reads alerts, incidents and statistics. Changes nothing.",
        Role::Responder => "Also acknowledges, writes memos, and sends mails again.",
        Role::Admin => "Also changes recipients, routes, users and tokens, and reads the audit log.",
    }, |role| match role {
        Role::Viewer => "查看告警、事件和统计，不能修改。",
        Role::Responder => "还可以知悉告警、填写备注、重新发送邮件。",
        Role::Admin => "还可以管理告警人、路由、用户和令牌，并查看审计日志。",
    };
    sees: "Sees", "可见范围";
    sees_all: "everything", "全部告警";
    sees_hint: "Only alerts that match all of these are shown, such as team=\"infra\". None: all alerts.",
        "仅显示满足全部条件的告警，例如 team=\"infra\"。留空则显示全部。";
    sees_admin: "Administrators see everything.", "管理员可查看全部告警。";
    last_sign_in: "Last signed in", "最近登录";
    never: "never", "从未";
    may_sign_in: "May sign in", "允许登录";
    may_sign_in_hint: "Switching it off ends their sessions at once.", "停用后其会话立即结束。";
    disabled: "switched off", "已停用";
    you: "you", "您";
    sign_on: "single sign-on", "单点登录";
    no_way_in: "no password", "无密码";
    password_new: "Password (optional)", "密码（可选）";
    password_new_hint: "10 characters or more. Without one, they come by single sign-on.", "至少 10 个字符。留空则只能通过单点登录。";
    password_other: "New password (optional)", "新密码（可选）";
    password_other_hint: "Left empty, it stays as it is.", "留空则保持不变。";
    end_sessions: "Sign out everywhere", "退出所有会话";
    end_sessions_of [fn(&str) -> String]: |who| format!("Sign out {who} everywhere"), |who| format!("退出 {who} 的所有会话");
    end_sessions_sure [fn(&str) -> String]: |who| format!("{who} is signed out in every browser, and can sign in again."), |who| format!("{who} 将在所有浏览器中退出登录，之后可重新登录。");
    ended_sessions [fn(&str) -> String]: |who| format!("{who} is signed out everywhere."), |who| format!("{who} 已在所有浏览器中退出。");
    tokens_why: "For scripts and for senders such as Alertmanager. A secret is shown once, when it is made.",
        "供脚本和 Alertmanager 等发送方使用。密钥仅在创建时显示一次。";
    add_token: "Create token", "创建令牌";
    no_tokens: "No tokens yet. Alertmanager needs one that delivers alerts.", "还没有令牌。Alertmanager 需要一个用于推送告警的令牌。";
    token_name_hint: "What uses it, such as “Alertmanager in Berlin”.", "用途，例如“北京机房 Alertmanager”。";
    opens: "Opens", "权限";
    scope [fn(Scope) -> &'static str]: |scope| match scope {
        Scope::Ingest => "Deliver alerts",
        Scope::Read => "Read",
        Scope::Respond => "Respond",
        Scope::Admin => "Administer",
    }, |scope| match scope {
        Scope::Ingest => "推送告警",
        Scope::Read => "只读",
        Scope::Respond => "响应",
        Scope::Admin => "管理",
    };
    scope_why [fn(Scope) -> &'static str]: |scope| match scope {
        Scope::Ingest => "For Alertmanager. Delivers alerts to the webhook and can read nothing.",
        Scope::Read => "Reads as a viewer does, for dashboards and exports.",
        Scope::Respond => "Also acknowledges, as a responder does.",
        Scope::Admin => "Everything that an administrator may do. Handle with care.",
    }, |scope| match scope {
        Scope::Ingest => "供 Alertmanager 使用：只能推送告警，不能读取。",
        Scope::Read => "与查看者相同，用于看板和导出。",
        Scope::Respond => "还可知悉告警，与响应者相同。",
        Scope::Admin => "与管理员权限相同，请谨慎使用。",
    };
    secret: "Secret", "密钥";
    source: "Source (optional)", "来源（可选）";
    source_column: "Bound to", "绑定";
    source_hint: "What it delivers belongs to this source; another ?source= is refused. One for each Prometheus or Alertmanager cluster.",
        "其推送的告警归属此来源，?source= 写了别的来源会被拒绝。每个 Prometheus 或 Alertmanager 集群一个来源。";
    source_of [fn(&str) -> String]: |source| format!("source {source}"), |source| format!("来源 {source}");
    expires: "Expires", "过期时间";
    never_expires: "never", "永不";
    expiry [fn(i64) -> String]: |days| match days {
        0 => "Never".to_owned(),
        365 => "In a year".to_owned(),
        days => format!("In {days} days"),
    }, |days| match days {
        0 => "永不过期".to_owned(),
        365 => "1 年后".to_owned(),
        days => format!("{days} 天后"),
    };
    last_used: "Last used", "最近使用";
    made: "Created", "创建";
    made_by [fn(&str) -> String]: |who| format!("by {who}"), |who| format!("创建者 {}", if who == "command line" { "命令行" } else { who });
    revoked: "revoked", "已吊销";
    expired: "expired", "已过期";
    revoke: "Revoke", "吊销";
    revoke_named [fn(&str) -> String]: |what| format!("Revoke {what}"), |what| format!("吊销 {what}");
    revoke_sure [fn(&str) -> String]: |what| format!("Whatever uses {what} is locked out at once. This cannot be undone."), |what| format!("使用 {what} 的程序将立即失去权限，无法撤销。");
    made_title: "Token created", "令牌已创建";
    made_once: "Copy the secret now: it is not shown again.", "请立即复制密钥，之后不再显示。";
    made_replayed: "This token was made by an earlier try, whose answer got lost; its secret cannot be shown again. Revoke it and make another.",
        "此令牌已由之前的请求创建，但响应丢失，密钥无法再次显示。请吊销后重新创建。";
    done: "Done", "完成";
    show_ended: "Show revoked and expired", "显示已吊销和已过期";
    audit_why: "Who changed what, and every sign-in. Nothing can be taken out of it.", "记录每次更改和登录，无法删除。";
    when: "Time", "时间";
    who: "Who", "操作者";
    what: "Action", "操作";
    object: "Object", "对象";
    address: "Address", "地址";
    any_action: "Any action", "所有操作";
    any_object: "Any object", "所有对象";
    search: "Search the audit log", "搜索审计日志";
    search_hint: "Name or e-mail", "名称或邮箱";
    only_actor [fn(&str) -> String]: |who| format!("Only {who}"), |who| format!("仅 {who}");
    only_object [fn(&str) -> String]: |what| format!("Only {what}"), |what| format!("仅 {what}");
    no_entries: "Nothing is written here for this filter.", "没有符合条件的记录。";
    entry: "Audit entry", "审计记录";
    open_entry [fn(i64) -> String]: |id| format!("Details of entry {id}"), |id| format!("记录 {id} 的详情");
    before: "Before", "之前";
    after: "After", "之后";
    changes: "What changed", "更改内容";
    no_changes: "Nothing further is kept of this.", "没有更多内容。";
    to_object: "Go to it", "查看对象";
    history: "Everything about it", "其全部记录";
    by_same: "Everything by them", "此人的全部操作";
    actor_kind [fn(ActorKind) -> &'static str]: |kind| match kind {
        ActorKind::User => "user",
        ActorKind::Token => "token",
        ActorKind::CommandLine => "command line",
        ActorKind::Anonymous => "not signed in",
    }, |kind| match kind {
        ActorKind::User => "用户",
        ActorKind::Token => "令牌",
        ActorKind::CommandLine => "命令行",
        ActorKind::Anonymous => "未登录",
    };
    kind [fn(&str) -> Option<&'static str>]: |kind| super::admin::KINDS.iter().find(|k| k.0 == kind).map(|k| k.1),
        |kind| super::admin::KINDS.iter().find(|k| k.0 == kind).map(|k| k.2);
    action [fn(&str) -> Option<&'static str>]: |action| super::admin::ACTIONS.iter().find(|a| a.0 == action).map(|a| a.1),
        |action| super::admin::ACTIONS.iter().find(|a| a.0 == action).map(|a| a.2);
}

/// What the audit log tells of: code, English, Chinese.
pub const KINDS: [(&str, &str, &str); 8] = [
    ("recipient", "recipient", "告警人"),
    ("group", "group", "分组"),
    ("route", "route", "路由"),
    ("user", "user", "用户"),
    ("token", "token", "令牌"),
    ("session", "session", "会话"),
    ("incident", "incident", "告警事件"),
    ("notification", "mail", "邮件"),
];

/// What people do: code, English, Chinese.
pub const ACTIONS: [(&str, &str, &str); 29] = [
    ("sign-in.ok", "Signed in", "登录"),
    ("sign-in.failed", "Sign-in failed", "登录失败"),
    ("sign-in.locked", "Sign-in locked", "登录锁定"),
    ("sign-out", "Signed out", "退出登录"),
    ("session.revoke", "Ended a session", "结束会话"),
    ("password.change", "Changed a password", "修改密码"),
    ("set-up", "Set up Tocsin", "初始化"),
    ("user.create", "Added a user", "添加用户"),
    ("user.update", "Changed a user", "修改用户"),
    ("user.delete", "Deleted a user", "删除用户"),
    ("token.create", "Created a token", "创建令牌"),
    ("token.revoke", "Revoked a token", "吊销令牌"),
    ("incident.acknowledge", "Acknowledged", "知悉"),
    (
        "incident.unacknowledge",
        "Took back an acknowledgement",
        "撤销知悉",
    ),
    ("incident.memo", "Wrote a memo", "填写备注"),
    ("incident.close", "Closed", "关闭"),
    ("notification.resend", "Sent a mail again", "重新发送邮件"),
    ("recipient.create", "Added a recipient", "添加告警人"),
    ("recipient.update", "Changed a recipient", "修改告警人"),
    ("recipient.delete", "Deleted a recipient", "删除告警人"),
    ("group.create", "Added a group", "添加分组"),
    ("group.update", "Changed a group", "修改分组"),
    ("group.delete", "Deleted a group", "删除分组"),
    ("route.create", "Added a route", "添加路由"),
    ("route.update", "Changed a route", "修改路由"),
    ("route.delete", "Deleted a route", "删除路由"),
    ("route.reorder", "Reordered the routes", "调整路由顺序"),
    ("route.team", "Changed the team route", "修改按团队路由"),
    ("alert.test", "Sent a test alert", "发送测试告警"),
];
