//! What the machine says of itself and of the programs on it.

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

/// CPU time of these processes and of all that they have started, including
/// what has ended and was waited for.
pub(crate) fn cpu(roots: &[u32]) -> Duration {
    let stats = all_stats();
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, stat) in &stats {
        children.entry(stat.parent).or_default().push(*pid);
    }
    let mut ticks = 0;
    let mut left = roots.to_vec();
    while let Some(pid) = left.pop() {
        ticks += stats.get(&pid).map_or(0, |stat| stat.ticks);
        left.extend(children.get(&pid).into_iter().flatten());
    }
    Duration::from_secs_f64(f64::from(u32::try_from(ticks).unwrap_or(u32::MAX)) / per_second())
}

struct Stat {
    parent: u32,
    ticks: u64,
}

/// proc(5): after the name in parentheses come state, ppid, …, utime (12th),
/// stime, cutime, cstime.
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
        let said = Command::new("getconf").arg("CLK_TCK").output().ok();
        let said = said.and_then(|output| String::from_utf8(output.stdout).ok());
        said.and_then(|text| text.trim().parse().ok())
            .unwrap_or(100.0)
    })
}

/// CPU time of the whole machine since it started: all, and what was not idle.
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

/// Waits until these processes rest, at most `limit`: what they do after the
/// last answer is work for the alerts as well.
pub(crate) fn wait_until_idle(roots: &[u32], limit: Duration) {
    let began = Instant::now();
    let mut last = cpu(roots);
    let mut quiet = 0;
    while quiet < 3 && began.elapsed() < limit {
        std::thread::sleep(Duration::from_millis(200));
        let now = cpu(roots);
        // Timers tick; work is more than a tick in 200 ms.
        quiet = if now - last <= Duration::from_millis(10) {
            quiet + 1
        } else {
            0
        };
        last = now;
    }
}

/// Resident memory now and at its highest, in bytes.
pub(crate) fn memory(pid: u32) -> (u64, u64) {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let bytes = |name| kilobytes(name).unwrap_or(0) * 1024;
    (bytes("VmRSS:"), bytes("VmHWM:"))
}

/// Lets the highest memory count from now; proc(5), `clear_refs`.
pub(crate) fn forget_peak(pid: u32) {
    // Without the right to it the peak stays that of the whole run, which says more, not less.
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// The median time of writing 4 KiB and making it durable, in microseconds.
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
        reason = "what is measured runs on the machine's own clock"
    )]
    let now = chrono::Utc::now();
    now.timestamp_micros()
}

/// The processor, for the table's caption.
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
