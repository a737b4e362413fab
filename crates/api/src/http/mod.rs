//! HTTP API. Handlers translate between requests and the use cases in `tocsin_pipeline`;
//! they contain no business rules and no SQL. There is one file for each group of endpoints.
//!
//! To add an endpoint: write its handler with `#[utoipa::path]` above its route, add it to
//! [`endpoints`], to `openapi::ApiDoc` and to [`policy::ENDPOINTS`] (tests compare them),
//! and run `cargo xtask openapi`.

#[cfg(test)]
mod access_tests;
mod alerts;
mod audit;
mod body;
mod caller;
mod client_ip;
mod convert;
mod convert_accounts;
mod convert_me;
mod cookies;
mod csrf;
mod damage;
mod deliveries;
mod docs;
mod events;
mod export;
mod fallback;
mod filters;
mod groups;
mod health;
mod identify;
mod incidents;
mod limits;
mod me;
mod metrics;
mod middleware;
mod misdirected;
mod notifications;
mod oidc;
mod oidc_state_cookie;
mod openapi;
mod params;
mod policy;
mod preconditions;
mod problem;
mod proxy;
mod read_pool;
mod recipients;
mod routes;
mod set_up;
mod sign_in;
mod state;
mod static_files;
mod static_tokens;
mod stats;
mod status;
mod storage;
mod stream_limits;
mod test_alert;
#[cfg(test)]
mod tests;
mod tokens;
mod users;
mod webhook;

use actix_web::body::BoxBody;
use actix_web::middleware::from_fn;
use actix_web::{App, Error, dev, web};

pub(crate) use openapi::description;
#[cfg(test)]
pub(crate) use openapi::document;
pub(crate) use problem::Chain;
pub(crate) use state::AppState;
pub use static_files::BrowserFiles;

/// Builds the application, once for each worker. Shared state is in `state`, which is built
/// once.
pub(crate) fn app(
    state: web::Data<AppState>,
) -> App<
    impl dev::ServiceFactory<
        dev::ServiceRequest,
        Config = (),
        Response = dev::ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(state)
        .configure(endpoints)
        .default_service(web::to(fallback::handle))
        .wrap(from_fn(middleware::handle))
}

/// Registers all endpoints. Fixed paths come before those with `{id}`.
fn endpoints(app: &mut web::ServiceConfig) {
    app.configure(webhook::routes)
        .service(alerts::list)
        .service(export::alerts)
        .service(test_alert::send)
        .service(alerts::get)
        .service(deliveries::list)
        .service(deliveries::raw)
        .service(deliveries::get)
        .service(incidents::list)
        .service(export::incidents)
        .service(incidents::acknowledge)
        .service(incidents::close)
        .service(incidents::get)
        .service(incidents::patch)
        .service(stats::summary)
        .service(stats::top)
        .service(stats::timeline)
        .service(stats::heatmap)
        .service(recipients::list)
        .service(recipients::create)
        .service(recipients::get)
        .service(recipients::replace)
        .service(recipients::delete)
        .service(groups::list)
        .service(groups::create)
        .service(groups::get)
        .service(groups::replace)
        .service(groups::delete)
        .service(routes::list)
        .service(routes::create)
        .service(routes::reorder)
        .service(routes::get_team)
        .service(routes::set_team)
        .service(routes::get)
        .service(routes::replace)
        .service(routes::delete)
        .service(users::list)
        .service(users::create)
        .service(users::get)
        .service(users::replace)
        .service(users::delete)
        .service(users::end_sessions)
        .service(tokens::list)
        .service(tokens::create)
        .service(tokens::get)
        .service(tokens::revoke)
        .service(notifications::list)
        .service(notifications::get)
        .service(notifications::resend)
        .service(audit::list)
        .service(export::audit::audit)
        .service(audit::get)
        .service(sign_in::options)
        .service(sign_in::sign_in)
        .service(sign_in::sign_out)
        .service(set_up::set_up)
        .service(oidc::callback)
        .service(oidc::begin)
        .service(me::get)
        .service(me::replace)
        .service(me::change_password)
        .service(me::sessions)
        .service(me::end_other_sessions)
        .service(me::end_session)
        .service(events::follow)
        .service(status::get)
        .service(storage::get)
        .service(health::alive)
        .service(health::ready)
        .service(metrics::scrape)
        .service(openapi::serve)
        .service(openapi::serve_versioned)
        .service(docs::redirect)
        .service(docs::page);
}
