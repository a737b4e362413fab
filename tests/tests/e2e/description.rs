//! `openapi/openapi.json` by itself; every answer that the harness sees is
//! compared with it, and `cargo xtask test --only contract` makes up requests
//! from it.

#[test]
fn every_example_is_as_described() {
    tocsin_tests::check_examples();
}
