//! Closed-loop load generator: each sender sends its next delivery after the response to
//! the previous one. All senders share one thread.

use std::{
    cell::Cell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::body::Bodies;

/// Result of a load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) seconds: f64,
    /// Number of successful deliveries.
    pub(crate) deliveries: u64,
    pub(crate) alerts: u64,
    /// Number of deliveries with another response.
    pub(crate) rejected: u64,
    /// Latencies in milliseconds, sorted.
    latencies: Vec<f32>,
}

impl Outcome {
    pub(crate) fn alerts_per_second(&self) -> f64 {
        per_second(self.alerts, self.seconds)
    }

    pub(crate) fn deliveries_per_second(&self) -> f64 {
        per_second(self.deliveries, self.seconds)
    }

    /// Percentile of the latencies in milliseconds. `part` is between 0 and 1.
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        percentile(&self.latencies, part)
    }
}

fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        count as f64 / seconds
    } else {
        0.0
    }
}

/// Percentile of sorted values. `part` is between 0 and 1.
pub(crate) fn percentile(sorted: &[f32], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let index = (part * sorted.len() as f64) as usize;
    sorted
        .get(index.min(last))
        .copied()
        .unwrap_or_default()
        .into()
}

/// When the senders stop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    Time(Duration),
    /// After this total number of deliveries.
    Deliveries(u64),
}

/// Sends deliveries, starting with the number `next`, which is incremented.
///
/// # Errors
/// If there is no valid HTTP response.
pub(crate) fn run(
    address: SocketAddr,
    bodies: &Rc<Bodies>,
    next: &Rc<Cell<u64>>,
    senders: usize,
    until: Until,
) -> anyhow::Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let local = tokio::task::LocalSet::new();
    let began = Instant::now();
    let outcomes = local.block_on(&runtime, async {
        let tasks: Vec<_> = (0..senders)
            .map(|_| {
                let sender = Sender {
                    bodies: Rc::clone(bodies),
                    next: Rc::clone(next),
                    first: next.get(),
                    began,
                    until,
                };
                tokio::task::spawn_local(sender.run(address))
            })
            .collect();
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(task.await.context("a sender panicked")??);
        }
        anyhow::Ok(outcomes)
    })?;
    let mut all = Outcome {
        seconds: began.elapsed().as_secs_f64(),
        ..Outcome::default()
    };
    for outcome in outcomes {
        all.deliveries += outcome.deliveries;
        all.rejected += outcome.rejected;
        all.latencies.extend(outcome.latencies);
    }
    all.alerts = all.deliveries * bodies.alerts();
    all.latencies.sort_by(f32::total_cmp);
    Ok(all)
}

struct Sender {
    bodies: Rc<Bodies>,
    next: Rc<Cell<u64>>,
    first: u64,
    began: Instant,
    until: Until,
}

impl Sender {
    async fn run(self, address: SocketAddr) -> anyhow::Result<Outcome> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut outcome = Outcome::default();
        let (mut request, mut response) = (Vec::new(), Vec::new());
        while self.should_continue() {
            let number = self.next.get();
            self.next.set(number + 1);
            self.bodies.write(number, &mut request);
            let since = Instant::now();
            stream.write_all(&request).await?;
            let status = read_response(&mut stream, &mut response).await?;
            outcome.latencies.push(since.elapsed().as_secs_f32() * 1e3);
            if (200..300).contains(&status) {
                outcome.deliveries += 1;
            } else {
                outcome.rejected += 1;
            }
        }
        Ok(outcome)
    }

    fn should_continue(&self) -> bool {
        match self.until {
            Until::Time(time) => self.began.elapsed() < time,
            Until::Deliveries(count) => self.next.get() - self.first < count,
        }
    }
}

/// Reads a response, and returns its status. All systems under test send
/// `Content-Length`.
async fn read_response(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<u16> {
    buffer.clear();
    loop {
        ensure!(
            stream.read_buf(buffer).await? > 0,
            "the server closed the connection"
        );
        let Some(head) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else {
            continue;
        };
        let text = std::str::from_utf8(&buffer[..head])?;
        let status = text.get(9..12).and_then(|code| code.parse().ok());
        let Some(status) = status else {
            bail!("invalid HTTP response: {text}");
        };
        let length = text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().ok())?
        });
        let end = head + 4 + length.unwrap_or(0);
        while buffer.len() < end {
            ensure!(
                stream.read_buf(buffer).await? > 0,
                "the server closed the connection"
            );
        }
        return Ok(status);
    }
}
