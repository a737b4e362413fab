//! Writes a sample mail as `.eml`, `.html` and `.txt`, to preview templates:
//!
//! ```text
//! cargo run -p tocsin-mailer --example preview -- OUTPUT_DIR [TEMPLATE_DIR]
//! ```

use std::error::Error;
use std::path::PathBuf;

use mail_parser::MessageParser;
use tocsin_mailer::{Language, Renderer, sample_content};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let output = args.next().ok_or("expected a directory to write to")?;
    let renderer = Renderer::new(args.next().as_deref())?;
    std::fs::create_dir_all(&output)?;
    for language in Language::ALL {
        let mail = renderer.render(&sample_content(language))?;
        let message = MessageParser::default()
            .parse(&mail.message)
            .ok_or("no message")?;
        let file = |extension| output.join(format!("{}.{extension}", language.code()));
        std::fs::write(
            file("html"),
            message.body_html(0).unwrap_or_default().as_ref(),
        )?;
        std::fs::write(
            file("txt"),
            message.body_text(0).unwrap_or_default().as_ref(),
        )?;
        std::fs::write(file("eml"), &mail.message)?;
    }
    Ok(())
}
