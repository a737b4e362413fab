//! Alert names, labels and messages of the generated history.

/// Deterministic pseudo-random numbers (splitmix64).
pub(crate) fn random(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Alert names with messages in English and Chinese.
const PROBLEMS: [(&str, &str, &str); 10] = [
    (
        "DiskWillFill",
        "Disk space on {} is running out, 7 GiB are left",
        "主机 {} 磁盘空间不足,剩余 7 GiB",
    ),
    (
        "HostOutOfMemory",
        "Memory on {} is used up to 97%",
        "主机 {} 内存使用率超过 97%",
    ),
    (
        "HighCPUUsage",
        "The processors of {} are busy for 10 minutes",
        "主机 {} 处理器使用率持续十分钟过高",
    ),
    (
        "TargetDown",
        "{} does not answer any more",
        "目标 {} 无法访问",
    ),
    (
        "PodCrashLooping",
        "A pod on {} was restarted 5 times",
        "节点 {} 上的容器组反复重启 5 次",
    ),
    (
        "HighRequestLatency",
        "Requests to {} take 2.4 seconds",
        "服务 {} 请求延迟达到 2.4 秒",
    ),
    (
        "CertificateExpires",
        "The certificate of {} ends in 6 days",
        "证书 {} 将在 6 天后过期",
    ),
    (
        "KafkaConsumerLag",
        "Consumers on {} are 120000 messages behind",
        "消费者 {} 落后 120000 条消息",
    ),
    (
        "ReplicationLag",
        "The replica {} is 90 seconds behind",
        "副本 {} 复制延迟 90 秒",
    ),
    (
        "QueueBacklog",
        "The queue of {} grows without end",
        "队列 {} 持续积压",
    ),
];
const KINDS: [&str; 5] = ["", "Soon", "Again", "Critically", "Rarely"];
const SEVERITIES: [&str; 20] = [
    "warning", "warning", "critical", "warning", "info", "warning", "info", "warning", "critical",
    "warning", "info", "warning", "info", "warning", "critical", "warning", "info", "info",
    "warning", "none",
];
pub(crate) const TEAMS: [&str; 8] = [
    "ops",
    "dba",
    "web",
    "payments",
    "search",
    "mobile",
    "网络组",
    "data",
];

/// Labels and annotations of an alert.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) source: &'static str,
    pub(crate) alertname: String,
    pub(crate) instance: String,
    pub(crate) severity: &'static str,
    pub(crate) team: &'static str,
    pub(crate) labels: String,
    pub(crate) annotations: String,
    pub(crate) message: String,
}

/// An alert name. Of the 50 names, the first are frequent and the last are rare.
pub(crate) fn alertname(index: usize) -> String {
    let (problem, _, _) = PROBLEMS[index % PROBLEMS.len()];
    format!("{problem}{}", KINDS[index / PROBLEMS.len() % KINDS.len()])
}

/// An instance label.
pub(crate) fn instance(index: usize) -> String {
    format!("node-{index:03}.example.com:9100")
}

/// Source of an alert.
pub(crate) fn source(number: u64) -> &'static str {
    match random(number ^ 0x50_0000_0000) % 100 {
        0..70 => "prod-a",
        70..95 => "prod-b",
        _ => "edge",
    }
}

impl Series {
    pub(crate) fn new(number: u64) -> Self {
        let draw = |salt: u64, most: u64| {
            usize::try_from(random(number ^ (salt << 40)) % most).unwrap_or_default()
        };
        let name = draw(1, 50).min(draw(2, 50));
        let alertname = alertname(name);
        let instance = instance(draw(3, 500));
        let severity = SEVERITIES[name % SEVERITIES.len()];
        let team = TEAMS[name % TEAMS.len()];
        let (_, english, chinese) = PROBLEMS[name % PROBLEMS.len()];
        let text = if number.is_multiple_of(2) {
            english
        } else {
            chinese
        };
        let message = text.replace("{}", &instance);
        let labels = format!(
            r#"{{"alertname":"{alertname}","cluster":"prod-{}","device":"dev{number:06}","env":"production","instance":"{instance}","job":"node-exporter","namespace":"shop","severity":"{severity}","team":"{team}"}}"#,
            name % 4
        );
        let annotations = format!(
            r#"{{"description":"The value has been over its limit for more than 10 minutes. Check the top processes and the last deployment.","runbook_url":"https://runbooks.example.com/{alertname}","summary":"{message}"}}"#
        );
        Self {
            source: source(number),
            alertname,
            instance,
            severity,
            team,
            labels,
            annotations,
            message,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn labels_are_distinct_json_objects() {
        let labels: HashSet<String> = (0..1_000)
            .map(|number| Series::new(number).labels)
            .collect();
        assert_eq!(labels.len(), 1_000);
        for text in labels {
            assert!(
                serde_json::from_str::<serde_json::Value>(&text)
                    .unwrap()
                    .is_object()
            );
        }
        assert_eq!((0..50).map(alertname).collect::<HashSet<_>>().len(), 50);
    }
}
