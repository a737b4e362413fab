use tocsin_api_types::{ActorKind, Role, Scope};

super::words! {
    /// Users, tokens and the audit log.
    Admin;
    administration: "Administration", "管理";
    users: "Users", "用户";
    tokens: "Tokens", "令牌";
    audit: "Audit log", "操作日志";
    add_user: "Add user", "添加用户";
    role: "Role", "角色";
    role_why [fn(Role) -> &'static str]: |role| match role {
        Role::Viewer => "Views alerts, incidents and statistics. Cannot change anything.",
        Role::Responder => "Also acknowledges and closes incidents, writes notes, and sends notifications again.",
        Role::Admin => "Also manages recipients, routes, users and tokens, and views the audit log.",
    }, |role| match role {
        Role::Viewer => "查看告警、告警事件和统计，不能修改。",
        Role::Responder => "还可以知悉和关闭告警事件、填写备注、重新发送通知。",
        Role::Admin => "还可以管理告警人、通知规则、用户和令牌，并查看操作日志。",
    };
    visible_alerts: "Visible alerts", "可见范围";
    all_alerts: "all alerts", "全部告警";
    visible_alerts_hint: "Only alerts that match all matchers are shown, for example team=\"infra\". Without matchers, all alerts are shown.",
        "仅显示满足全部匹配条件的告警，例如 team=\"infra\"。留空则显示全部。";
    admin_sees_all: "Administrators see all alerts.", "管理员可查看全部告警。";
    last_sign_in: "Last signed in", "最近登录";
    never: "never", "从未";
    can_sign_in: "Can sign in", "允许登录";
    can_sign_in_hint: "Disabling this ends all sessions of the user immediately.", "停用后，该用户的所有会话立即结束。";
    disabled: "Disabled", "已停用";
    you: "you", "当前用户";
    sign_on: "single sign-on", "单点登录";
    no_password: "no password", "无密码";
    password_new: "Password (optional)", "密码（可选）";
    password_new_hint: "At least 10 characters. Without a password, the user signs in with single sign-on.", "至少 10 个字符。留空则只能通过单点登录。";
    password_other: "New password (optional)", "新密码（可选）";
    password_other_hint: "Leave empty to keep the current password.", "留空则保持不变。";
    end_sessions: "Sign out everywhere", "退出所有会话";
    end_sessions_of [fn(&str) -> String]: |who| format!("Sign out {who} everywhere"), |who| format!("退出 {who} 的所有会话");
    end_sessions_confirm [fn(&str) -> String]: |who| format!("{who} is signed out in every browser, and can sign in again."), |who| format!("{who} 将在所有浏览器中退出登录，之后可重新登录。");
    ended_sessions [fn(&str) -> String]: |who| format!("{who} is signed out everywhere."), |who| format!("{who} 已在所有浏览器中退出。");
    tokens_why: "For scripts and for senders such as Alertmanager. The secret is shown once, when the token is created.",
        "供脚本和 Alertmanager 等发送方使用。密钥仅在创建令牌时显示一次。";
    add_token: "Create token", "创建令牌";
    no_tokens: "No tokens yet. Alertmanager needs an ingest token.", "还没有令牌。Alertmanager 需要一个写入令牌。";
    token_name_hint: "The application that uses the token, for example “Alertmanager in Berlin”.", "用途，例如“北京机房 Alertmanager”。";
    scopes: "Scope", "权限";
    scope [fn(Scope) -> &'static str]: |scope| match scope {
        Scope::Ingest => "Ingest",
        Scope::Read => "Read",
        Scope::Respond => "Respond",
        Scope::Admin => "Administer",
    }, |scope| match scope {
        Scope::Ingest => "写入",
        Scope::Read => "只读",
        Scope::Respond => "响应",
        Scope::Admin => "管理",
    };
    scope_why [fn(Scope) -> &'static str]: |scope| match scope {
        Scope::Ingest => "For Alertmanager. Sends alerts to the webhook and cannot read anything.",
        Scope::Read => "The permissions of a viewer, for dashboards and exports.",
        Scope::Respond => "The permissions of a responder: also acknowledges incidents.",
        Scope::Admin => "The permissions of an administrator. Handle with care.",
    }, |scope| match scope {
        Scope::Ingest => "供 Alertmanager 使用：只能向 Webhook 发送告警，不能读取。",
        Scope::Read => "与查看者权限相同，用于看板和导出。",
        Scope::Respond => "与响应者权限相同，还可知悉告警事件。",
        Scope::Admin => "与管理员权限相同，请谨慎使用。",
    };
    secret: "Secret", "密钥";
    source: "Source (optional)", "来源（可选）";
    source_column: "Limited to", "限定范围";
    source_hint: "Alerts sent with this token belong to this source; requests with another ?source= are rejected. Use one source for each Prometheus or Alertmanager cluster.",
        "使用此令牌发送的告警归属此来源，?source= 为其他来源的请求会被拒绝。每个 Prometheus 或 Alertmanager 集群使用一个来源。";
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
    created: "Created", "创建时间";
    created_by [fn(&str) -> String]: |who| format!("by {who}"), |who| format!("创建者 {}", if who == "command line" { "命令行" } else { who });
    revoked: "revoked", "已吊销";
    expired: "expired", "已过期";
    revoke: "Revoke", "吊销";
    revoke_named [fn(&str) -> String]: |what| format!("Revoke {what}"), |what| format!("吊销 {what}");
    revoke_confirm [fn(&str) -> String]: |what| format!("Applications that use {what} lose access immediately. This cannot be undone."), |what| format!("使用 {what} 的程序将立即失去权限，无法撤销。");
    created_title: "Token created", "令牌已创建";
    copy_secret_now: "Copy the secret now. It is not shown again.", "请立即复制密钥，之后不再显示。";
    secret_lost: "This token was created by an earlier request whose response was lost. Its secret cannot be shown again. Revoke the token and create another one.",
        "此令牌已由之前的请求创建，但响应丢失，密钥无法再次显示。请吊销后重新创建。";
    done: "Done", "完成";
    show_ended: "Show revoked and expired", "显示已吊销和已过期";
    audit_why: "Every change and every sign-in. Entries cannot be edited.", "记录每次更改和登录，记录不可修改。";
    when: "Time", "时间";
    who: "Actor", "操作者";
    what: "Action", "操作";
    object: "Object", "对象";
    address: "IP address", "IP 地址";
    any_action: "Any action", "所有操作";
    any_object: "Any object", "所有对象";
    search: "Search the audit log", "搜索操作日志";
    search_hint: "Name or e-mail", "名称或邮箱";
    only_actor [fn(&str) -> String]: |who| format!("Only {who}"), |who| format!("仅 {who}");
    only_object [fn(&str) -> String]: |what| format!("Only {what}"), |what| format!("仅 {what}");
    no_entries: "No entries match the filter.", "没有符合条件的记录。";
    entry: "Audit log entry", "操作记录";
    before: "Before", "之前";
    after: "After", "之后";
    changes: "Changes", "更改内容";
    no_changes: "No further details.", "没有更多详情。";
    to_object: "View object", "查看对象";
    object_history: "Object history", "对象历史";
    actor_history: "Actor history", "操作者历史";
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

/// Object kinds of the audit log: code, English, Chinese.
pub const KINDS: [(&str, &str, &str); 8] = [
    ("recipient", "recipient", "告警人"),
    ("group", "group", "分组"),
    ("route", "route", "通知规则"),
    ("user", "user", "用户"),
    ("token", "token", "令牌"),
    ("session", "session", "会话"),
    ("incident", "incident", "告警事件"),
    ("notification", "notification", "通知"),
];

/// Actions of the audit log: code, English, Chinese.
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
    ("incident.unacknowledge", "Unacknowledged", "取消知悉"),
    ("incident.memo", "Wrote a note", "填写备注"),
    ("incident.close", "Closed", "关闭"),
    (
        "notification.resend",
        "Sent a notification again",
        "重新发送通知",
    ),
    ("recipient.create", "Added a recipient", "添加告警人"),
    ("recipient.update", "Changed a recipient", "修改告警人"),
    ("recipient.delete", "Deleted a recipient", "删除告警人"),
    ("group.create", "Added a group", "添加分组"),
    ("group.update", "Changed a group", "修改分组"),
    ("group.delete", "Deleted a group", "删除分组"),
    ("route.create", "Added a route", "添加通知规则"),
    ("route.update", "Changed a route", "修改通知规则"),
    ("route.delete", "Deleted a route", "删除通知规则"),
    ("route.reorder", "Reordered the routes", "调整通知规则顺序"),
    ("route.team", "Changed the team route", "修改按团队通知规则"),
    ("alert.test", "Sent a test alert", "发送测试告警"),
];
