//! The minimum work of a server in this framework for a delivery: read the body, parse it
//! into types, respond. Measures the cost of HTTP and JSON.

use std::{borrow::Cow, collections::BTreeMap, io::Write as _};

use actix_web::{App, HttpResponse, HttpServer, web};
use serde::Deserialize;

/// First argument that starts this program as the bare handler.
pub(crate) const COMMAND: &str = "bare-handler";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery<'a> {
    #[serde(borrow)]
    alerts: Vec<Alert<'a>>,
    #[serde(borrow)]
    group_key: Cow<'a, str>,
    #[serde(borrow, rename = "externalURL")]
    external_url: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert<'a> {
    #[serde(borrow)]
    status: Cow<'a, str>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    #[serde(borrow)]
    starts_at: Cow<'a, str>,
    #[serde(borrow)]
    ends_at: Cow<'a, str>,
    #[serde(borrow, rename = "generatorURL")]
    generator_url: Cow<'a, str>,
    #[serde(borrow)]
    fingerprint: Cow<'a, str>,
}

async fn receive(body: web::Bytes) -> HttpResponse {
    match serde_json::from_slice::<Delivery<'_>>(&body) {
        // Uses all fields, so that the compiler cannot remove the parsing.
        Ok(delivery) if delivery.is_plausible() => HttpResponse::Ok().body("{}"),
        Ok(_) => HttpResponse::UnprocessableEntity().finish(),
        Err(error) => HttpResponse::BadRequest().body(error.to_string()),
    }
}

impl Delivery<'_> {
    fn is_plausible(&self) -> bool {
        !self.group_key.is_empty()
            && !self.external_url.is_empty()
            && self.alerts.iter().all(|alert| {
                !alert.status.is_empty()
                    && !alert.labels.is_empty()
                    && !alert.annotations.is_empty()
                    && !alert.starts_at.is_empty()
                    && !alert.ends_at.is_empty()
                    && !alert.generator_url.is_empty()
                    && alert.fingerprint.len() == 16
            })
    }
}

/// Listens on a free port, and prints the port.
pub(crate) fn run() -> anyhow::Result<()> {
    let server = HttpServer::new(|| {
        App::new()
            .app_data(web::PayloadConfig::new(16 << 20))
            .default_service(web::to(receive))
    })
    .bind(("127.0.0.1", 0))?;
    for address in server.addrs() {
        println!("{}", address.port());
    }
    std::io::stdout().flush()?;
    actix_web::rt::System::new().block_on(server.run())?;
    Ok(())
}
