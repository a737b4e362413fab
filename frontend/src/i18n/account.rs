use tocsin_api_types::{Role, SignInMethod};

super::words! {
    /// Sign-in, set-up and the account page.
    Account;
    sign_in: "Sign in", "登录";
    signing_in: "Signing in…", "正在登录…";
    sign_out: "Sign out", "退出登录";
    sign_out_failed [fn(&str) -> String]: |why| format!("Not signed out. {why}"), |why| format!("退出失败。{why}");
    ended_title: "Your session has ended", "会话已结束";
    ended: "Sign in again to continue. Nothing on this page is lost.", "请重新登录以继续，本页内容不会丢失。";
    as_before [fn(&str) -> String]: |who| format!("You were signed in as {who}."), |who| format!("之前的登录身份：{who}。");
    email: "E-mail", "邮箱";
    password: "Password", "密码";
    password_show: "Show the password", "显示密码";
    password_hide: "Hide the password", "隐藏密码";
    or: "or", "或";
    with [fn(&str) -> String]: |what| format!("Sign in with {what}"), |what| format!("使用 {what} 登录");
    new_window: "Opens in a new window. This page stays as it is.", "将在新窗口中打开，本页保持不变。";
    only_other: "Password sign-in is disabled. Ask an administrator how to sign in.", "密码登录已停用，请向管理员咨询登录方式。";
    wrong: "E-mail or password is wrong.", "邮箱或密码不正确。";
    locked [fn(&str) -> String]: |wait| format!("Too many attempts. Try again in {wait}."), |wait| format!("尝试次数过多，请在 {wait}后重试。");
    busy: "The server is busy. Try again in a moment.", "服务器繁忙，请稍后重试。";
    both_needed: "Enter e-mail and password.", "请输入邮箱和密码。";
    demo: "This is a demo. Its e-mail and password are printed in the terminal that started it.", "这是演示环境，登录邮箱和密码显示在启动它的终端中。";
    not_set_up_title: "Not set up yet", "尚未初始化";
    not_set_up: "There is no account yet. Open the set-up link that Tocsin printed when it started, or create the first account on the command line:",
        "还没有任何账户。请打开 Tocsin 启动时输出的初始化链接，或在命令行创建第一个账户：";
    problem [fn(&str) -> Option<&'static str>]: |code| match code {
        "oidc-unavailable" => Some("Single sign-on is not available. Try again in a moment."),
        "oidc-refused" => Some("Single sign-on was denied or timed out. Try again."),
        "oidc-no-email" => Some("Single sign-on returned no verified e-mail address. Contact an administrator."),
        "oidc-not-allowed" => Some("This account is not allowed to use Tocsin: it is in none of the allowed groups, or its e-mail address is not verified. Contact an administrator."),
        "account-disabled" => Some("This account is disabled. Contact an administrator."),
        _ => None,
    }, |code| match code {
        "oidc-unavailable" => Some("单点登录服务暂时无法连接，请稍后重试。"),
        "oidc-refused" => Some("单点登录被拒绝或已超时，请重试。"),
        "oidc-no-email" => Some("单点登录未提供已验证的邮箱，请联系管理员。"),
        "oidc-not-allowed" => Some("此账户无权使用 Tocsin：不在允许的用户组中，或邮箱未经验证。请联系管理员。"),
        "account-disabled" => Some("此账户已停用，请联系管理员。"),
        _ => None,
    };
    problem_other: "Sign-in failed. Try again.", "登录失败，请重试。";
    set_up: "Set up Tocsin", "初始化 Tocsin";
    set_up_why: "Create the first account. It is an administrator and can add other users.", "创建第一个账户。该账户为管理员，可添加其他用户。";
    set_up_do: "Create account", "创建账户";
    set_up_doing: "Creating…", "正在创建…";
    set_up_none: "The link is incomplete. Open the complete link, including the part after “#”.", "链接不完整：请打开完整链接，包括“#”之后的部分。";
    set_up_unknown: "This link is invalid or was replaced. Use the link that Tocsin printed when it last started.",
        "此链接无效或已被替换，请使用 Tocsin 最近一次启动时输出的链接。";
    set_up_done: "Tocsin is already set up. This link is no longer valid.", "Tocsin 已完成初始化，此链接已失效。";
    to_sign_in: "Go to the sign-in page", "前往登录页";
    name: "Name", "姓名";
    name_hint: "Shown to other users on the incidents acknowledged by this account.", "知悉告警事件时显示给其他用户。";
    password_hint: "At least 10 characters and hard to guess, for example a few unrelated words.", "至少 10 个字符且不易猜测，例如几个互不相关的词。";
    account: "Account", "账户";
    menu [fn(&str) -> String]: |who| format!("Account of {who}"), |who| format!("{who} 的账户");
    profile: "Profile", "个人资料";
    profile_why: "Language, time zone and theme apply in every browser signed in to this account.", "语言、时区和主题在登录此账户的所有浏览器中生效。";
    language: "Language", "语言";
    language_browser: "Browser default", "跟随浏览器";
    zone: "Time zone", "时区";
    zone_browser [fn(&str) -> String]: |zone| format!("Browser default ({zone})"), |zone| format!("跟随浏览器（{zone}）");
    theme: "Theme", "主题";
    saved: "Saved", "已保存";
    not_saved [fn(&str) -> String]: |why| format!("Not saved. {why}"), |why| format!("保存失败。{why}");
    change_password: "Change password", "修改密码";
    change_password_why: "All other browsers are signed out.", "其他浏览器将退出登录。";
    current_password: "Current password", "当前密码";
    new_password: "New password", "新密码";
    password_changed: "Password changed. All other browsers are signed out.", "密码已修改，其他浏览器已退出登录。";
    no_password: "This account has no password: it signs in through single sign-on or a proxy.", "此账户没有密码：通过单点登录或代理登录。";
    sessions: "Sessions", "登录会话";
    sessions_why: "Browsers signed in to this account.", "已登录此账户的浏览器。";
    this_browser: "this browser", "当前浏览器";
    unknown_browser: "Unknown browser", "未知浏览器";
    on [fn(&str, &str) -> String]: |browser, system| format!("{browser} on {system}"), |browser, system| format!("{browser}（{system}）");
    session_began: "signed in", "登录于";
    session_seen: "last used", "最近使用";
    end_session [fn(&str) -> String]: |what| format!("Sign out {what}"), |what| format!("退出 {what}");
    end_session_short: "Sign out", "退出";
    end_others: "Sign out all others", "退出其他所有会话";
    end_others_confirm: "All browsers except this one are signed out.", "除当前浏览器外的所有浏览器都将退出登录。";
    ended_others: "All other sessions have ended.", "其他会话已全部结束。";
    no_sessions: "No sessions: this account signs in through a proxy.", "没有会话：此账户通过代理登录。";
    role [fn(Role) -> &'static str]: |role| match role {
        Role::Viewer => "Viewer",
        Role::Responder => "Responder",
        Role::Admin => "Administrator",
    }, |role| match role {
        Role::Viewer => "查看者",
        Role::Responder => "响应者",
        Role::Admin => "管理员",
    };
    method [fn(SignInMethod) -> &'static str]: |method| match method {
        SignInMethod::Password => "password",
        SignInMethod::Oidc => "single sign-on",
        SignInMethod::Proxy => "proxy",
        SignInMethod::Token => "token",
    }, |method| match method {
        SignInMethod::Password => "密码",
        SignInMethod::Oidc => "单点登录",
        SignInMethod::Proxy => "代理",
        SignInMethod::Token => "令牌",
    };
    visible_alerts [fn(&str) -> String]: |what| format!("Visible alerts: {what}"), |what| format!("可见范围：{what}");
    visible_alerts_hint: "Only alerts that match are shown to this account. An administrator can change this.", "此账户仅显示符合条件的告警，如需更改请联系管理员。";
    only_role [fn(Role) -> &'static str]: |role| match role {
        Role::Admin => "Only administrators can view this page.",
        _ => "Your role does not allow this.",
    }, |role| match role {
        Role::Admin => "仅管理员可查看此页面。",
        _ => "当前角色无此权限。",
    };
    connect: "Connecting…", "正在连接…";
}
