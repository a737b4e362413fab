//! The lists of incidents and alerts.

fn main() {
    use tocsin_frontend::{Pages, Program, lists, start};
    start(Program::Lists, Pages(lists));
}
