//! A minimal HTTP client with one request at a time, to add little overhead to the
//! measurement.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};

/// An HTTP client with a keep-alive connection.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    /// Header `Authorization`. Empty if no authentication is required.
    authorization: String,
    stream: Option<BufReader<TcpStream>>,
}

/// A response. Its time is measured from the first byte sent to the last byte received.
#[derive(Debug)]
pub(crate) struct Response {
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

    /// Sends this token with all requests.
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.authorization = format!("Authorization: Bearer {token}\r\n");
        self
    }

    /// Sends a GET request, and reads the response.
    ///
    /// # Errors
    /// If there is no valid HTTP response.
    pub(crate) fn get(&mut self, path: &str) -> anyhow::Result<Response> {
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
                    .with_context(|| format!("invalid chunk size: {size:?}"))?;
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
        Ok(Response {
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
        ensure!(
            stream.read_line(&mut line)? > 0,
            "the server closed the connection"
        );
        let status = line.get(9..12).context("invalid HTTP response")?;
        head.status = status.parse().context("invalid HTTP status")?;
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

/// Reads and discards exactly this many bytes.
fn skip(from: &mut impl Read, bytes: usize) -> anyhow::Result<()> {
    let read = std::io::copy(&mut from.take(bytes as u64), &mut std::io::sink())?;
    ensure!(read == bytes as u64, "the response is truncated");
    Ok(())
}
