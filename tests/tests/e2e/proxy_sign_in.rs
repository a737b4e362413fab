//! Sign-in by a proxy header: accepted from the proxy's address only, without
//! duplicates, and under the program's own host name only.

use std::net::IpAddr;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tocsin_api_types::{AuditEntry, Me, Page, Problem, Role, Session, SignInMethod, User};
use tocsin_tests::{Options, Tocsin};

/// Any address of 127.0.0.0/8 can be used as a client address.
const PROXY: &str = "127.0.0.2";

const CONFIG: &str = "[auth.proxy]\nheader = \"X-Forwarded-Email\"\nname_header = \"X-Forwarded-User\"\n\
                      groups_header = \"X-Forwarded-Groups\"\nfrom = [\"127.0.0.2\"]\n";

async fn start(more: &str) -> Tocsin {
    Tocsin::start(Options::default().config(format!("{CONFIG}{more}"))).await
}

/// A client with a source address.
struct ClientAt {
    http: Client,
}

impl ClientAt {
    fn new(address: &str) -> Self {
        let address: IpAddr = address.parse().unwrap();
        let http = Client::builder().no_proxy().local_address(address);
        Self {
            http: http.build().unwrap(),
        }
    }

    async fn request(
        &self,
        tocsin: &Tocsin,
        (method, path): (Method, &str),
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> reqwest::Response {
        let mut request = self.http.request(method, tocsin.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    async fn me(&self, tocsin: &Tocsin, headers: &[(&str, &str)]) -> Result<Me, u16> {
        let answer = self.request(tocsin, (Method::GET, "/api/v1/me"), headers, None);
        let answer = answer.await;
        if answer.status().is_success() {
            assert!(!answer.headers().contains_key("set-cookie"));
            return Ok(answer.json().await.unwrap());
        }
        Err(answer.status().as_u16())
    }
}

const ANN: (&str, &str) = ("x-forwarded-email", "ann@example.com");

#[tokio::test]
async fn proxy_header_is_accepted_from_the_proxy_only() {
    let tocsin = start("").await;
    let (proxy, other) = (ClientAt::new(PROXY), ClientAt::new("127.0.0.1"));
    assert_eq!(other.me(&tocsin, &[ANN]).await, Err(401));
    let forged = [
        ANN,
        ("x-forwarded-for", PROXY),
        ("forwarded", "for=127.0.0.2"),
    ];
    assert_eq!(other.me(&tocsin, &forged).await, Err(401));
    assert_eq!(proxy.me(&tocsin, &[]).await, Err(401));
    assert!(tocsin.all::<User>("users").await.is_empty());

    let named = [ANN, ("x-forwarded-user", "Ann Example")];
    let me = proxy.me(&tocsin, &named).await.unwrap();
    assert_eq!((me.role, me.method), (Role::Viewer, SignInMethod::Proxy));
    assert_eq!((me.name.as_str(), me.has_password), ("Ann Example", false));
    let again = proxy.me(&tocsin, &named).await.unwrap();
    assert_eq!(again.id, me.id);

    // The audit log has one sign-in, from the proxy's address.
    let entries: Vec<AuditEntry> = tocsin.all("audit").await;
    let sign_ins: Vec<_> = entries
        .iter()
        .filter(|entry| entry.action == "sign-in.ok")
        .collect();
    assert_eq!(sign_ins.len(), 1);
    assert_eq!(sign_ins[0].after, Some(json!({"method": "proxy"})));
    assert_eq!(sign_ins[0].address.as_deref(), Some(PROXY));

    // The role can be changed here; cross-site requests are rejected here too.
    let user = json!({"name": "Ann", "email": "ann@example.com", "role": "responder"});
    let path = format!("/api/v1/users/{}", me.id.unwrap());
    tocsin.send(Method::PUT, &path, &user).await.expect(200);
    assert_eq!(
        proxy.me(&tocsin, &[ANN]).await.unwrap().role,
        Role::Responder
    );
    let mine = (Method::PUT, "/api/v1/me");
    let body = json!({"name": "Ann the Second"});
    let foreign = [ANN, ("origin", "https://evil.example.net")];
    let rejected = proxy
        .request(&tocsin, mine.clone(), &foreign, Some(&body))
        .await;
    assert_eq!(rejected.status(), 403);
    let changed = proxy.request(&tocsin, mine, &[ANN], Some(&body)).await;
    assert_eq!(changed.json::<Me>().await.unwrap().name, "Ann the Second");
    let sessions = (Method::GET, "/api/v1/me/sessions");
    let sessions = proxy.request(&tocsin, sessions, &[ANN], None).await;
    let sessions: Page<Session> = sessions.json().await.unwrap();
    assert!(sessions.items.is_empty());

    // A disabled user is rejected immediately.
    let mut user = user;
    user["enabled"] = json!(false);
    tocsin.send(Method::PUT, &path, &user).await.expect(200);
    let rejected = proxy.me(&tocsin, &[ANN]).await.unwrap_err();
    assert!([401, 403].contains(&rejected), "{rejected}");
}

#[tokio::test]
async fn invalid_proxy_header_is_rejected() {
    let tocsin = start("").await;
    let proxy = ClientAt::new(PROXY);
    for invalid in ["not an address", "ann@", "@example.com"] {
        let headers = [("x-forwarded-email", invalid)];
        let rejected = proxy.me(&tocsin, &headers).await.unwrap_err();
        assert!([401, 403].contains(&rejected), "{invalid}: {rejected}");
    }
    assert_eq!(
        proxy.me(&tocsin, &[("x-forwarded-email", "")]).await,
        Err(401)
    );
    assert!(tocsin.all::<User>("users").await.is_empty());
}

/// A proxy that appends its header without removing the client's: the request has both
/// values.
#[tokio::test]
async fn repeated_proxy_header_is_rejected() {
    let tocsin = start("admin_groups = [\"ops\"]\nviewer_groups = [\"guests\"]\n").await;
    let proxy = ClientAt::new(PROXY);
    let guest = [
        ANN,
        ("x-forwarded-user", "Ann"),
        ("x-forwarded-groups", "guests"),
    ];
    for (name, forged) in [
        ("x-forwarded-email", "root@example.com"),
        ("x-forwarded-user", "Root"),
        ("x-forwarded-groups", "ops"),
    ] {
        let mut headers = vec![(name, forged)];
        headers.extend(guest);
        for path in ["/api/v1/me", "/api/v1/users"] {
            let answer = proxy.request(&tocsin, (Method::GET, path), &headers, None);
            let answer = answer.await;
            assert_eq!(answer.status(), 401, "{name}");
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            let problem: Problem = answer.json().await.unwrap();
            assert!(problem.detail.contains(name), "{problem:?}");
        }
    }
    assert!(tocsin.all::<User>("users").await.is_empty());
    assert!(tocsin.log().contains("was rejected"), "{}", tocsin.log());
    let me = proxy.me(&tocsin, &guest).await.unwrap();
    assert_eq!(me.role, Role::Viewer);
}

/// DNS rebinding: an attacker's page whose host name resolves to the proxy sends that
/// host name, and any headers.
#[tokio::test]
async fn proxy_header_requires_the_programs_host_name() {
    let groups = "admin_groups = [\"ops\"]\n";
    let admin = [ANN, ("x-forwarded-groups", "ops")];
    let token = (Method::POST, "/api/v1/tokens");
    let body = json!({"name": "t", "scopes": ["admin"]});
    let public = "[server]\npublic_url = \"https://tocsin.example.com/\"\n";
    for (more, good, bad) in [
        ("", "localhost:8080", "tocsin.example.com"),
        (public, "tocsin.example.com", "localhost:8080"),
    ] {
        let config = format!("{more}{CONFIG}{groups}");
        let tocsin = Tocsin::start(Options::default().config(config)).await;
        let proxy = ClientAt::new(PROXY);
        for host in [bad, "evil.example.net", "evil.example.net:8080"] {
            let mut headers = admin.to_vec();
            headers.push(("host", host));
            let answer = proxy.request(&tocsin, token.clone(), &headers, Some(&body));
            let answer = answer.await;
            assert_eq!(answer.status(), 401, "{host}");
            let problem: Problem = answer.json().await.unwrap();
            assert!(problem.detail.contains("public_url"), "{problem:?}");
        }
        assert!(tocsin.all::<User>("users").await.is_empty());
        let mut headers = admin.to_vec();
        headers.push(("host", good));
        assert_eq!(proxy.me(&tocsin, &headers).await.unwrap().role, Role::Admin);
    }
}

#[tokio::test]
async fn proxy_groups_set_the_role_on_each_request() {
    let tocsin = start(
        "admin_groups = [\"ops\"]\nresponder_groups = [\"on-call\"]\nviewer_groups = [\"staff\"]\n",
    )
    .await;
    let proxy = ClientAt::new(PROXY);
    for (groups, role) in [
        ("staff", Ok(Role::Viewer)),
        ("staff, on-call", Ok(Role::Responder)),
        ("ops", Ok(Role::Admin)),
        ("staff", Ok(Role::Viewer)),
        ("guests", Err(403)),
        ("", Err(403)),
    ] {
        let headers = [ANN, ("x-forwarded-groups", groups)];
        let me = proxy.me(&tocsin, &headers).await;
        assert_eq!(me.map(|me| me.role), role, "{groups}");
    }
}
