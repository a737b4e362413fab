//! Sign-in, signing in again, and set-up.

mod set_up;
mod sign_in;

pub use set_up::SetUpPage;
pub use sign_in::{SignInAgain, SignInPage};
