use tocsin_api_types::{Role, SignInMethod};

super::words! {
    /// Signing in, and one's own account.
    Account;
    sign_in: "Sign in", "登录";
    signing_in: "Signing in…", "正在登录…";
    sign_out: "Sign out", "退出登录";
    sign_out_failed [fn(&str) -> String]: |why| format!("Not signed out. {why}"), |why| format!("退出失败。{why}");
    ended_title: "Your session has ended", "会话已结束";
    ended: "Sign in again to go on. Nothing on this page is lost.", "请重新登录以继续，本页内容不会丢失。";
    as_before [fn(&str) -> String]: |who| format!("You were signed in as {who}."), |who| format!("之前的登录身份：{who}。");
    email: "E-mail", "邮箱";
    password: "Password", "密码";
    password_show: "Show the password", "显示密码";
    password_hide: "Hide the password", "隐藏密码";
    or: "or", "或";
    with [fn(&str) -> String]: |what| format!("Sign in with {what}"), |what| format!("使用 {what} 登录");
    new_window: "Opens in a new window, so that this page stays as it is.", "将在新窗口中打开，本页保持不变。";
    only_other: "Passwords are switched off here. Ask your administrator how to sign in.", "此处未启用密码登录，请向管理员咨询登录方式。";
    wrong: "E-mail or password is wrong.", "邮箱或密码不正确。";
    locked [fn(&str) -> String]: |wait| format!("Too many attempts. Try again in {wait}."), |wait| format!("尝试次数过多，请在 {wait}后重试。");
    busy: "The server is busy right now. Try again in a moment.", "服务器繁忙，请稍后重试。";
    both_needed: "Enter e-mail and password.", "请输入邮箱和密码。";
    demo: "This is a demo. Its e-mail and password were printed where it was started.", "这是演示环境，登录邮箱和密码显示在启动它的终端中。";
    not_set_up_title: "Not set up yet", "尚未初始化";
    not_set_up: "There is no account yet. Open the set-up link that Tocsin printed at its start, or create the first account on the command line:",
        "还没有任何账户。请打开 Tocsin 启动时输出的初始化链接，或在命令行创建第一个账户：";
    problem [fn(&str) -> Option<&'static str>]: |code| match code {
        "oidc-unavailable" => Some("Single sign-on cannot be reached right now. Try again in a moment."),
        "oidc-refused" => Some("Single sign-on did not let you in, or the attempt took too long. Try again."),
        "oidc-no-email" => Some("Single sign-on told no verified e-mail address of you. Ask your administrator."),
        "oidc-not-allowed" => Some("You may not use Tocsin: you are in none of its groups, or single sign-on has not verified your address. Ask your administrator."),
        "account-disabled" => Some("Your account is switched off. Ask your administrator."),
        _ => None,
    }, |code| match code {
        "oidc-unavailable" => Some("单点登录服务暂时无法连接，请稍后重试。"),
        "oidc-refused" => Some("单点登录被拒绝或已超时，请重试。"),
        "oidc-no-email" => Some("单点登录未提供已验证的邮箱，请联系管理员。"),
        "oidc-not-allowed" => Some("您无权使用 Tocsin：不在允许的用户组中，或邮箱未经单点登录验证。请联系管理员。"),
        "account-disabled" => Some("您的账户已停用，请联系管理员。"),
        _ => None,
    };
    problem_other: "Signing in did not work. Try again.", "登录失败，请重试。";
    set_up: "Set up Tocsin", "初始化 Tocsin";
    set_up_why: "Create the first account. It is an administrator, who can add everybody else.", "创建第一个账户。该账户为管理员，可添加其他用户。";
    set_up_do: "Create account", "创建账户";
    set_up_doing: "Creating…", "正在创建…";
    set_up_none: "The link is incomplete: open it whole, with what follows “#”.", "链接不完整：请打开完整链接，包括“#”之后的部分。";
    set_up_unknown: "This link is not known, or was replaced. Use the one that Tocsin printed at its last start.",
        "此链接无效或已被替换，请使用 Tocsin 最近一次启动时输出的链接。";
    set_up_done: "Tocsin is set up already, so this link is used up.", "Tocsin 已完成初始化，此链接已失效。";
    to_sign_in: "To the sign-in page", "前往登录页";
    name: "Name", "姓名";
    name_hint: "Shown to colleagues beside what you acknowledge.", "知悉告警时显示给同事。";
    password_hint: "10 characters or more, and not easy to guess: a few unrelated words do.", "至少 10 个字符且不易猜测，例如几个互不相关的词。";
    account: "My account", "我的账户";
    menu [fn(&str) -> String]: |who| format!("Account of {who}"), |who| format!("{who} 的账户");
    profile: "Profile", "个人资料";
    profile_why: "Language, time zone and theme apply in every browser that you sign in with.", "语言、时区和主题在您登录的所有浏览器中生效。";
    language: "Language", "语言";
    language_browser: "As the browser", "跟随浏览器";
    zone: "Time zone", "时区";
    zone_browser [fn(&str) -> String]: |zone| format!("As the browser ({zone})"), |zone| format!("跟随浏览器（{zone}）");
    theme: "Theme", "主题";
    saved: "Saved", "已保存";
    not_saved [fn(&str) -> String]: |why| format!("Not saved. {why}"), |why| format!("保存失败。{why}");
    change_password: "Change password", "修改密码";
    change_password_why: "Your other browsers are signed out.", "您在其他浏览器中的登录将被退出。";
    current_password: "Present password", "当前密码";
    new_password: "New password", "新密码";
    password_changed: "Password changed; other browsers are signed out.", "密码已修改，其他浏览器已退出登录。";
    no_password: "You have no password here: you sign in elsewhere.", "您在此没有密码：通过外部方式登录。";
    sessions: "Sessions", "登录会话";
    sessions_why: "The browsers that are signed in as you.", "以您的身份登录的浏览器。";
    this_browser: "this browser", "当前浏览器";
    unknown_browser: "Unknown browser", "未知浏览器";
    on [fn(&str, &str) -> String]: |browser, system| format!("{browser} on {system}"), |browser, system| format!("{browser}（{system}）");
    session_began: "signed in", "登录于";
    session_seen: "last used", "最近使用";
    end_session [fn(&str) -> String]: |what| format!("Sign out {what}"), |what| format!("退出 {what}");
    end_session_short: "Sign out", "退出";
    end_others: "Sign out all others", "退出其他所有会话";
    end_others_sure: "Every browser but this one is signed out.", "除当前浏览器外的所有浏览器都将退出登录。";
    ended_others: "All other sessions have ended.", "其他会话已全部结束。";
    no_sessions: "There is no session: you sign in through a proxy.", "没有会话：您通过代理登录。";
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
    sees [fn(&str) -> String]: |what| format!("You see: {what}"), |what| format!("可见范围：{what}");
    sees_why: "Your account shows only alerts that match this. Ask an administrator to change it.", "您的账户仅显示符合此条件的告警，如需更改请联系管理员。";
    only_role [fn(Role) -> &'static str]: |role| match role {
        Role::Admin => "Only administrators may see this page.",
        _ => "Your role does not allow this.",
    }, |role| match role {
        Role::Admin => "仅管理员可查看此页面。",
        _ => "您的角色无此权限。",
    };
    connect: "Connecting…", "正在连接…";
}
