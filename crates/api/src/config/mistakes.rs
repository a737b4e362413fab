//! Errors in the settings name the key.

use super::tests::error;

/// Contents of the file, and the start of the error message.
const MISTAKES: &[(&str, &str)] = &[
    (
        "[server]\nlisten = \"8080\"",
        "server.listen: expected an IP address",
    ),
    (
        "[server]\nlistn = \"127.0.0.1:1\"",
        "server.listn: unknown field `listn`",
    ),
    (
        "[sever]\nlisten = \"127.0.0.1:1\"",
        "sever: unknown field `sever`",
    ),
    (
        "[server]\nbody_limit = \"16 parsecs\"",
        "server.body_limit: expected a size",
    ),
    (
        "[server]\nbody_limit = 0",
        "server.body_limit: expected more than 0",
    ),
    (
        "[server]\npublic_url = \"tocsin\"",
        "server.public_url: expected a URL",
    ),
    (
        "[incidents]\nwindow = \"5 minutes\"",
        "incidents.window: expected a duration",
    ),
    (
        "[incidents]\nexpire_after = \"1h\"",
        "incidents.expire_after: expected at least",
    ),
    (
        "[incidents]\nstale_after = \"1m\"",
        "incidents.stale_after: expected more than",
    ),
    (
        "[mail]\ndefault_time_zone = \"Peking\"",
        "mail.default_time_zone: expected an IANA time zone",
    ),
    (
        "[mail]\ndefault_language = \"de\"",
        "mail.default_language: unknown variant `de`",
    ),
    (
        "[mail]\nfrom = \"invalid\"",
        "mail.from: expected an e-mail address",
    ),
    ("[mail.smtp]\nport = 25", "mail.smtp: missing field `host`"),
    (
        "[mail.smtp]\nhost = \"smtp.example.com\"",
        "mail.from: required if mail.smtp is set",
    ),
    (
        "[mail]\nfrom = \"a@example.com\"\n[mail.smtp]\nhost = \"h\"\nusername = \"u\"",
        "mail.smtp.password: user name",
    ),
    (
        "[mail]\nfrom = \"a@example.com\"\n[mail.smtp]\nhost = \"h\"\ntls = \"maybe\"",
        "mail.smtp.tls: unknown variant",
    ),
    (
        "[database]\nurl = \"mysql://db\"",
        "database.url: expected sqlite://PATH",
    ),
    (
        "[[ingest.tokens]]\nname = \"a\"",
        "ingest.tokens[0]: \"a\" requires token",
    ),
    (
        "[[ingest.tokens]]\nname = \"a\"\ntoken = \"x\"\nsource = \"a b\"",
        "ingest.tokens[0].source: expected 1 to 64",
    ),
    (
        "[auth]\nsession_idle = \"1s\"",
        "auth.session_idle: expected at least one minute",
    ),
    (
        "[auth]\nsession_lifetime = \"1h\"",
        "auth.session_lifetime: expected at least auth.session_idle",
    ),
    (
        "[auth]\npassword_sign_in = false",
        "auth.password_sign_in: without it",
    ),
    (
        "[auth.oidc]\nclient_id = \"tocsin\"",
        "auth.oidc: missing field `issuer`",
    ),
    (
        "[auth.oidc]\nissuer = \"http://login.example.com\"\nclient_id = \"tocsin\"",
        "auth.oidc.issuer: expected the provider's issuer URL with https",
    ),
    (
        "[auth.oidc]\nissuer = \"https://login.example.com\"\nclient_id = \"\"",
        "auth.oidc.client_id: expected a non-empty string",
    ),
    (
        "[auth.oidc]\nissuer = \"https://login.example.com\"\nclient_id = \"t\"\nclient_secret = \"\"",
        "auth.oidc.client_secret: expected a non-empty secret",
    ),
    (
        "[auth.oidc]\nissuer = \"https://login.example.com\"\nclient_id = \"t\"\nclient_secret_file = \"/nonexistent/secret\"",
        "auth.oidc.client_secret_file: /nonexistent",
    ),
    (
        "[auth.proxy]\nheader = \"X-Email\"",
        "auth.proxy: missing field `from`",
    ),
    (
        "[auth.proxy]\nheader = \"X-Email\"\nfrom = []",
        "auth.proxy.from: expected the addresses of the proxy",
    ),
    (
        "[auth.proxy]\nheader = \"X-Email\"\nfrom = [\"0.0.0.0/0\"]",
        "auth.proxy.from[0]: expected the proxies only",
    ),
    (
        "[auth.proxy]\nheader = \"X Email\"\nfrom = [\"127.0.0.1\"]",
        "auth.proxy.header: expected a header name",
    ),
    (
        "[auth.proxy]\nheader = \"X-Email\"\nfrom = [\"127.0.0.1\"]\nadmin_groups = [\"a\"]",
        "auth.proxy.groups_header: required if groups are mapped",
    ),
    (
        "[server]\nlisten = \"0.0.0.0:8080\"\n[auth.proxy]\nheader = \"X-Email\"\nfrom = [\"10.0.0.5\"]",
        "server.public_url: required by auth.proxy",
    ),
    (
        "[server]\ntrusted_proxies = [\"proxy\"]",
        "server.trusted_proxies[0]: expected an IP address or a network",
    ),
    (
        "[server]\ntrusted_proxies = [\"127.0.0.1\", \"::/0\"]",
        "server.trusted_proxies[1]: expected the proxies only",
    ),
    (
        "[server.tls]\ncert_file = \"a\"",
        "server.tls: missing field `key_file`",
    ),
    (
        "[[auth.tokens]]\nname = \"a\"\nscope = \"read\"",
        "auth.tokens[0]: \"a\" requires token",
    ),
    (
        "[[auth.tokens]]\nname = \"a\"\nscope = \"ingest\"\ntoken = \"x\"",
        "auth.tokens[0].scope: unknown variant `ingest`",
    ),
    (
        "[[auth.tokens]]\nname = \"a\"\nscope = \"read\"\ntoken = \"x\"\n[[ingest.tokens]]\nname = \"b\"\ntoken = \"x\"",
        "ingest.tokens: \"b\" has the same secret",
    ),
    ("[limits]\nburst = 0", "limits.burst: expected at least 1"),
    (
        "[limits]\nrequests_per_second = -1",
        "limits.requests_per_second: invalid value",
    ),
    (
        "[retention]\nlog = \"always\"",
        "retention.log: expected a duration such as \"30d\", or \"forever\"",
    ),
    (
        "[retention]\nlog = \"5m\"",
        "retention.log: expected more than incidents.window",
    ),
    (
        "[[retention.rules]]\nmatchers = []\nkeep = \"30d\"",
        "retention.rules[0].matchers: expected at least one",
    ),
    (
        "[[retention.rules]]\nmatchers = ['a=\"b\"', 'severity']\nkeep = \"30d\"",
        "retention.rules[0].matchers[1]: expected a matcher",
    ),
    (
        "[[retention.rules]]\nmatchers = ['a=\"b\"']\nkeep = \"1m\"",
        "retention.rules[0].keep: expected more than",
    ),
    (
        "[[retention.rules]]\nmatchers = ['a=\"b\"']",
        "retention.rules[0]: missing field `keep`",
    ),
    ("[log]\nlevel = \"=!\"", "log.level: expected"),
];

#[test]
fn invalid_settings_are_named() {
    for (text, key) in MISTAKES {
        let error = error(text);
        assert!(
            error.starts_with(key),
            "{text:?} gave {error:?}, not {key:?}"
        );
        assert!(!error.contains('\n'), "{error:?}");
    }
}
