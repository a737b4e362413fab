//! Sign-in by a header of a proxy: believed from the proxy's address only, once, and
//! under the program's own name.

use std::net::IpAddr;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tocsin_api_types::{AuditEntry, Me, Page, Problem, Role, Session, SignInMethod, User};
use tocsin_tests::{Options, Tocsin};

/// On this machine every address of 127.0.0.0/8 can be asked from.
const PROXY: &str = "127.0.0.2";

const CONFIG: &str = "[auth.proxy]\nheader = \"X-Forwarded-Email\"\nname_header = \"X-Forwarded-User\"\n\
                      groups_header = \"X-Forwarded-Groups\"\nfrom = [\"127.0.0.2\"]\n";

async fn start(more: &str) -> Tocsin {
    Tocsin::start(Options::default().config(format!("{CONFIG}{more}"))).await
}

/// A request as it arrives from an address.
struct From {
    http: Client,
}

impl From {
    fn address(address: &str) -> Self {
        let address: IpAddr = address.parse().unwrap();
        let http = Client::builder().no_proxy().local_address(address);
        Self {
            http: http.build().unwrap(),
        }
    }

    async fn ask(
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
        let answer = self.ask(tocsin, (Method::GET, "/api/v1/me"), headers, None);
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
async fn the_header_is_believed_from_the_proxy_only() {
    let tocsin = start("").await;
    let (proxy, other) = (From::address(PROXY), From::address("127.0.0.1"));
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

    // It is one visit in the audit log, from the proxy's address.
    let deeds: Vec<AuditEntry> = tocsin.all("audit").await;
    let visits: Vec<_> = deeds
        .iter()
        .filter(|deed| deed.action == "sign-in.ok")
        .collect();
    assert_eq!(visits.len(), 1);
    assert_eq!(visits[0].after, Some(json!({"method": "proxy"})));
    assert_eq!(visits[0].address.as_deref(), Some(PROXY));

    // The role is given here; pages of other sites are refused here too.
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
    let refused = proxy
        .ask(&tocsin, mine.clone(), &foreign, Some(&body))
        .await;
    assert_eq!(refused.status(), 403);
    let changed = proxy.ask(&tocsin, mine, &[ANN], Some(&body)).await;
    assert_eq!(changed.json::<Me>().await.unwrap().name, "Ann the Second");
    let sessions = (Method::GET, "/api/v1/me/sessions");
    let sessions = proxy.ask(&tocsin, sessions, &[ANN], None).await;
    let sessions: Page<Session> = sessions.json().await.unwrap();
    assert!(sessions.items.is_empty());

    // Who is disabled is so at once.
    let mut user = user;
    user["enabled"] = json!(false);
    tocsin.send(Method::PUT, &path, &user).await.expect(200);
    let refused = proxy.me(&tocsin, &[ANN]).await.unwrap_err();
    assert!([401, 403].contains(&refused), "{refused}");
}

#[tokio::test]
async fn what_the_proxy_says_unclearly_is_refused() {
    let tocsin = start("").await;
    let proxy = From::address(PROXY);
    for nobody in ["not an address", "ann@", "@example.com"] {
        let said = [("x-forwarded-email", nobody)];
        let refused = proxy.me(&tocsin, &said).await.unwrap_err();
        assert!([401, 403].contains(&refused), "{nobody}: {refused}");
    }
    assert_eq!(
        proxy.me(&tocsin, &[("x-forwarded-email", "")]).await,
        Err(401)
    );
    assert!(tocsin.all::<User>("users").await.is_empty());
}

/// What a proxy adds that does not remove what the browser sent: the browser's own
/// value and the proxy's.
#[tokio::test]
async fn a_repeated_header_signs_nobody_in() {
    let tocsin = start("admin_groups = [\"ops\"]\nviewer_groups = [\"guests\"]\n").await;
    let proxy = From::address(PROXY);
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
            let answer = proxy.ask(&tocsin, (Method::GET, path), &headers, None);
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

/// A foreign page whose name was made to point to the proxy's machine (DNS rebinding)
/// sends that name, and any header that it likes.
#[tokio::test]
async fn the_header_is_believed_under_the_programs_own_name_only() {
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
        let proxy = From::address(PROXY);
        for host in [bad, "evil.example.net", "evil.example.net:8080"] {
            let mut headers = admin.to_vec();
            headers.push(("host", host));
            let answer = proxy.ask(&tocsin, token.clone(), &headers, Some(&body));
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
async fn the_proxys_groups_give_the_role_with_each_request() {
    let tocsin = start(
        "admin_groups = [\"ops\"]\nresponder_groups = [\"on-call\"]\nviewer_groups = [\"staff\"]\n",
    )
    .await;
    let proxy = From::address(PROXY);
    for (groups, role) in [
        ("staff", Ok(Role::Viewer)),
        ("staff, on-call", Ok(Role::Responder)),
        ("ops", Ok(Role::Admin)),
        ("staff", Ok(Role::Viewer)),
        ("guests", Err(403)),
        ("", Err(403)),
    ] {
        let said = [ANN, ("x-forwarded-groups", groups)];
        let me = proxy.me(&tocsin, &said).await;
        assert_eq!(me.map(|me| me.role), role, "{groups}");
    }
}
