//! Examples in `openapi/openapi.json`. The harness validates every response, and
//! `cargo xtask test --only contract` generates requests from the description.

#[test]
fn every_example_is_valid() {
    tocsin_tests::check_examples();
}
