//! The lists: incidents and alert log.

fn main() {
    use tocsin_frontend::{Pages, Program, lists, start};
    start(Program::Lists, Pages(lists));
}
