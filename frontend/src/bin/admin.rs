//! The administration program: recipients, users, tokens, the audit log, the account
//! page and set-up.

fn main() {
    use tocsin_frontend::{Pages, Program, administration, start};
    start(Program::Admin, Pages(administration));
}
