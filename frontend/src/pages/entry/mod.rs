//! The ways in: signing in, signing in again, and the first account.

mod set_up;
mod sign_in;

pub use set_up::SetUpPage;
pub use sign_in::{SignInAgain, SignInPage};
