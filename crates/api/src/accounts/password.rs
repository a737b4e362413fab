//! Reads a password: never from the arguments, which all processes of a machine can see.

use std::io::{BufRead as _, IsTerminal as _};

use crate::serve::Failure;

/// Maximum number of bytes read: a password is one line.
const MAX_LINE: u64 = 64 * 1_024;

/// Prompts for a password twice on a terminal, else reads one line.
///
/// # Errors
/// The password is missing, or the two differ.
pub(super) async fn ask() -> Result<String, Failure> {
    let asked = tokio::task::spawn_blocking(|| match std::io::stdin().is_terminal() {
        true => {
            let first = rpassword::prompt_password("Password: ")?;
            if rpassword::prompt_password("Repeat password: ")? != first {
                return Err(std::io::Error::other("the passwords do not match"));
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
            "expected the password as one line on standard input",
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
