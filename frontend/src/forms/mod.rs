//! Forms that create or edit an API object. A form is sent once and does not overwrite
//! changes of another user without confirmation.

mod conflict;
mod form_state;
mod submit;

pub use conflict::ConflictView;
pub use form_state::{Edited, FormState, open_editor};
pub use submit::{Submit, body, use_submit};
