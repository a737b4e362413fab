//! Where a password comes from: never from the arguments, which all programs of
//! a machine may read.

use std::io::{BufRead as _, IsTerminal as _};

use crate::serve::Failure;

/// The most bytes that are read of a password: more is no line.
const MAX_LINE: u64 = 64 * 1_024;

/// Asks for a password twice where a person sits there, else reads one line.
///
/// # Errors
/// There is none, or the two are not the same.
pub(super) async fn ask() -> Result<String, Failure> {
    let asked = tokio::task::spawn_blocking(|| match std::io::stdin().is_terminal() {
        true => {
            let first = rpassword::prompt_password("Password: ")?;
            if rpassword::prompt_password("Again: ")? != first {
                return Err(std::io::Error::other("the two are not the same"));
            }
            Ok(first)
        }
        false => read_line(std::io::stdin().lock()),
    });
    let asked = asked.await.map_err(std::io::Error::other);
    asked
        .and_then(|password| password)
        .map_err(Failure::system("reading the password"))
}

fn read_line(input: impl std::io::Read) -> std::io::Result<String> {
    let mut line = String::new();
    let mut input = std::io::BufReader::new(input.take(MAX_LINE));
    input.read_line(&mut line)?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() {
        return Err(std::io::Error::other(
            "expected it as one line on standard input",
        ));
    }
    Ok(line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line() {
        for (input, password) in [
            ("secret", "secret"),
            ("secret\n", "secret"),
            ("secret\r\nmore\n", "secret"),
            ("  two words \n", "  two words "),
        ] {
            assert_eq!(read_line(input.as_bytes()).unwrap(), password);
        }
        for input in ["", "\n", "\r\n"] {
            assert!(read_line(input.as_bytes()).is_err());
        }
        assert!(read_line(&b"\xff\n"[..]).is_err());
    }
}
