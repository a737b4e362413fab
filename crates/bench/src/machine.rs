//! Resource usage of the machine and its processes.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
    process::Command,
    sync::OnceLock,
    time::{Duration, Instant},
};

use anyhow::Context as _;

/// CPU time of these processes and their descendants, including reaped ones.
pub(crate) fn cpu(roots: &[u32]) -> Duration {
    let stats = all_stats();
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, stat) in &stats {
        children.entry(stat.parent).or_default().push(*pid);
    }
    let mut ticks = 0;
    let mut pending = roots.to_vec();
    while let Some(pid) = pending.pop() {
        ticks += stats.get(&pid).map_or(0, |stat| stat.ticks);
        pending.extend(children.get(&pid).into_iter().flatten());
    }
    Duration::from_secs_f64(f64::from(u32::try_from(ticks).unwrap_or(u32::MAX)) / per_second())
}

struct Stat {
    parent: u32,
    ticks: u64,
}

/// Reads `/proc/PID/stat` of all processes. The name in parentheses is followed by state,
/// ppid, …, utime (12th), stime, cutime and cstime, see proc(5).
fn all_stats() -> HashMap<u32, Stat> {
    let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
    let read = |folder: fs::DirEntry| {
        let pid = folder.file_name().to_str()?.parse().ok()?;
        let text = fs::read_to_string(folder.path().join("stat")).ok()?;
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = fields
            .get(11..15)?
            .iter()
            .filter_map(|f| f.parse::<u64>().ok());
        let stat = Stat {
            parent: fields.get(1)?.parse().ok()?,
            ticks: ticks.sum(),
        };
        Some((pid, stat))
    };
    folders.filter_map(read).collect()
}

fn per_second() -> f64 {
    static TICKS: OnceLock<f64> = OnceLock::new();
    *TICKS.get_or_init(|| {
        let output = Command::new("getconf").arg("CLK_TCK").output().ok();
        let output = output.and_then(|output| String::from_utf8(output.stdout).ok());
        output
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or(100.0)
    })
}

/// CPU time of the whole machine since boot: total and busy.
pub(crate) fn busy() -> (f64, f64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let line = text.lines().next().unwrap_or_default();
    let ticks: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|field| field.parse().ok())
        .collect();
    let all: f64 = ticks.iter().sum();
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    (all / per_second(), (all - idle) / per_second())
}

/// Waits until these processes are idle, at most `limit`: work after the last response is
/// also part of the ingest.
pub(crate) fn wait_until_idle(roots: &[u32], limit: Duration) {
    let began = Instant::now();
    let mut last = cpu(roots);
    let mut quiet = 0;
    while quiet < 3 && began.elapsed() < limit {
        std::thread::sleep(Duration::from_millis(200));
        let now = cpu(roots);
        // Timers use up to one tick in 200 ms; more is work.
        quiet = if now - last <= Duration::from_millis(10) {
            quiet + 1
        } else {
            0
        };
        last = now;
    }
}

/// Current and peak resident memory in bytes.
pub(crate) fn memory(pid: u32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let bytes = |name| kilobytes(name).unwrap_or(0) * 1024;
    (bytes("VmRSS:"), bytes("VmHWM:"))
}

/// Resets the peak resident memory, see `clear_refs` in proc(5).
pub(crate) fn reset_peak(pid: u32) {
    // Without permission, the peak is that of the whole run, which is higher.
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// Median time to write and sync 4 KiB, in microseconds.
pub(crate) fn sync_latency(folder: &Path, time: Duration) -> anyhow::Result<f64> {
    const BLOCK: [u8; 4096] = [b'x'; 4096];
    const BLOCKS: u64 = 1024;
    let path = folder.join("sync-probe");
    let mut file = File::create(&path).with_context(|| path.display().to_string())?;
    for _ in 0..BLOCKS {
        file.write_all(&BLOCK)?;
    }
    file.sync_all()?;
    let mut times = Vec::new();
    let began = Instant::now();
    let mut at = 0;
    while began.elapsed() < time {
        let since = Instant::now();
        file.write_all_at(&BLOCK, (at % BLOCKS) * 4096)?;
        file.sync_data()?;
        times.push(since.elapsed().as_secs_f64() * 1e6);
        at += 1;
    }
    fs::remove_file(&path)?;
    times.sort_by(f64::total_cmp);
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

/// Microseconds since 1970, UTC.
pub(crate) fn now_micros() -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the programs under test use the system clock"
    )]
    let now = chrono::Utc::now();
    now.timestamp_micros()
}

/// Number of cores and CPU model, for the report.
pub(crate) fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = name
        .and_then(|line| line.split_once(':'))
        .map_or("?", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} × {name}")
}
