//! One reader, one request at a time: a small client that costs little beside
//! what it measures.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

/// A kept connection.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    /// The header that opens what is closed; empty where nothing is.
    authorization: String,
    stream: Option<BufReader<TcpStream>>,
}

/// An answer, with its time from the first byte sent to the last one read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) bytes: u64,
    pub(crate) time: Duration,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            authorization: String::new(),
            stream: None,
        }
    }

    /// Shows this token with every request.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.authorization = format!("Authorization: Bearer {token}\r\n");
        self
    }

    /// Asks, and counts what is answered.
    ///
    /// # Errors
    /// The server does not answer, or not in HTTP.
    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(600)))?;
                BufReader::with_capacity(64 * 1024, stream)
            }
        };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {}\r\n{}\r\n",
            self.address, self.authorization
        );
        let since = Instant::now();
        stream.get_mut().write_all(request.as_bytes())?;
        let head = Head::read(&mut stream)?;
        let mut bytes = 0;
        if head.chunked {
            loop {
                let mut size = String::new();
                stream.read_line(&mut size)?;
                let size = usize::from_str_radix(size.trim(), 16)
                    .with_context(|| format!("no chunk size: {size:?}"))?;
                skip(&mut stream, size)?;
                bytes += size as u64;
                let mut end = String::new();
                stream.read_line(&mut end)?;
                if size == 0 {
                    break;
                }
            }
        } else {
            skip(&mut stream, head.length)?;
            bytes = head.length as u64;
        }
        let time = since.elapsed();
        if !head.closes {
            self.stream = Some(stream);
        }
        Ok(Answer {
            status: head.status,
            bytes,
            time,
        })
    }
}

#[derive(Default)]
struct Head {
    status: u16,
    length: usize,
    chunked: bool,
    closes: bool,
}

impl Head {
    fn read(stream: &mut BufReader<TcpStream>) -> anyhow::Result<Self> {
        let mut head = Self::default();
        let mut line = String::new();
        ensure!(stream.read_line(&mut line)? > 0, "the server hung up");
        let status = line.get(9..12).context("no HTTP answer")?;
        head.status = status.parse().context("no HTTP status")?;
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else {
                return Ok(head);
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "content-length" => head.length = value.parse()?,
                "transfer-encoding" => head.chunked = value.eq_ignore_ascii_case("chunked"),
                "connection" => head.closes = value.eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
    }
}

/// Reads exactly so many bytes.
fn skip(from: &mut impl Read, bytes: usize) -> anyhow::Result<()> {
    let read = std::io::copy(&mut from.take(bytes as u64), &mut std::io::sink())?;
    ensure!(read == bytes as u64, "the answer is cut short");
    Ok(())
}
