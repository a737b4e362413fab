//! What is set up now and then: recipients, users, tokens, the audit log, one's
//! own account, and the first account of all.

fn main() {
    use tocsin_frontend::{Pages, Program, desk, start};
    start(Program::Desk, Pages(desk));
}
