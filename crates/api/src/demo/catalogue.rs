//! Generated machines and their alerts.

/// One alerting rule and the instances that it fires for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule {
    pub(super) alertname: &'static str,
    pub(super) severity: &'static str,
    pub(super) team: &'static str,
    /// Source of the alerts: the Alertmanager's name.
    pub(super) source: &'static str,
    pub(super) job: &'static str,
    pub(super) instances: &'static [&'static str],
    /// `{i}` stands for the instance, `{n}` for a random value.
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    pub(super) expr: &'static str,
    /// Approximate number of incidents for each instance in fifteen days.
    pub(super) incidents: i64,
    /// Minimum and maximum duration of an incident, in minutes.
    pub(super) minutes: (i64, i64),
    /// Percentage of incidents that are acknowledged.
    pub(super) acknowledged: i64,
}

pub(super) const PROD: &str = "prod-eu";
pub(super) const CHINA: &str = "prod-cn";
pub(super) const STAGING: &str = "staging";

/// Flaps for an evening; see [`super::plan`].
pub(super) const FLAPPING: &str = "HighErrorRate";

/// Some of its resolutions are not sent.
pub(super) const LOST: &str = "磁盘空间不足";

/// Stopped sending updates half a day ago.
pub(super) const STALE: &str = "BackupMissing";

/// Fires on every machine of a rack at once.
pub(super) const STORM: &str = "InstanceDown";

/// All rules.
pub(super) const RULES: &[Rule] = &[
    Rule {
        alertname: STORM,
        severity: "critical",
        team: "infra",
        source: PROD,
        job: "node",
        instances: &[
            "web-1.example.com:9100",
            "web-2.example.com:9100",
            "web-3.example.com:9100",
            "db-1.example.com:9100",
            "db-2.example.com:9100",
            "cache-1.example.com:9100",
            "cache-2.example.com:9100",
            "queue-1.example.com:9100",
            "edge-1.example.com:9100",
            "edge-2.example.com:9100",
        ],
        summary: "{i} is down",
        description: "{i} of job node has not answered for more than 5 minutes.",
        expr: "up == 0",
        incidents: 1,
        minutes: (4, 45),
        acknowledged: 70,
    },
    Rule {
        alertname: "DiskWillFillIn4Hours",
        severity: "warning",
        team: "infra",
        source: PROD,
        job: "node",
        instances: &[
            "db-1.example.com:9100",
            "db-2.example.com:9100",
            "queue-1.example.com:9100",
        ],
        summary: "Disk of {i} will be full in less than 4 hours",
        description: "Only {n} % of /var/lib is free on {i}, and it shrinks.",
        expr: "predict_linear(node_filesystem_free_bytes[1h], 4 * 3600) < 0",
        incidents: 5,
        minutes: (30, 600),
        acknowledged: 60,
    },
    Rule {
        alertname: "CertificateExpiresSoon",
        severity: "warning",
        team: "infra",
        source: PROD,
        job: "blackbox",
        instances: &["https://shop.example.com", "https://api.example.com"],
        summary: "The certificate of {i} expires in {n} days",
        description: "Renewal has not happened. Runbook: rotate-certificates.",
        expr: "probe_ssl_earliest_cert_expiry - time() < 14 * 86400",
        incidents: 1,
        minutes: (600, 2_600),
        acknowledged: 100,
    },
    Rule {
        alertname: FLAPPING,
        severity: "critical",
        team: "payments",
        source: PROD,
        job: "payments-api",
        instances: &["payments-1.example.com:8080", "payments-2.example.com:8080"],
        summary: "{n} % of the requests to {i} fail",
        description: "More than 5 % of the requests were answered with 5xx for 3 minutes.",
        expr: "rate(http_requests_total{code=~\"5..\"}[5m]) / rate(http_requests_total[5m]) > 0.05",
        incidents: 6,
        minutes: (4, 30),
        acknowledged: 75,
    },
    Rule {
        alertname: "PaymentLatencyHigh",
        severity: "warning",
        team: "payments",
        source: PROD,
        job: "payments-api",
        instances: &[
            "payments-1.example.com:8080",
            "payments-2.example.com:8080",
            "payments-3.example.com:8080",
        ],
        summary: "99th percentile of {i} is {n}00 ms",
        description: "The slowest hundredth of requests takes longer than the agreed 500 ms.",
        expr: "histogram_quantile(0.99, rate(payment_duration_seconds_bucket[5m])) > 0.5",
        incidents: 9,
        minutes: (5, 70),
        acknowledged: 30,
    },
    Rule {
        alertname: "QueueBacklog",
        severity: "warning",
        team: "payments",
        source: PROD,
        job: "rabbitmq",
        instances: &["settlement", "refunds"],
        summary: "{n}000 messages wait in the queue {i}",
        description: "Consumers of {i} are slower than its producers.",
        expr: "rabbitmq_queue_messages_ready > 10000",
        incidents: 7,
        minutes: (10, 120),
        acknowledged: 45,
    },
    Rule {
        alertname: "任务执行失败",
        severity: "critical",
        team: "数据平台",
        source: CHINA,
        job: "airflow",
        instances: &["日报汇总", "用户画像", "订单同步"],
        summary: "任务 {i} 连续 {n} 次执行失败",
        description: "请检查上游数据是否按时到达，以及集群资源是否充足。",
        expr: "airflow_task_failures > 2",
        incidents: 5,
        minutes: (15, 240),
        acknowledged: 80,
    },
    Rule {
        alertname: LOST,
        severity: "warning",
        team: "数据平台",
        source: CHINA,
        job: "node",
        instances: &[
            "hdfs-01.example.com:9100",
            "hdfs-02.example.com:9100",
            "hdfs-03.example.com:9100",
        ],
        summary: "{i} 磁盘使用率超过 {n}%",
        description: "请清理日志或扩容，剩余空间预计不足一天。",
        expr: "node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.1",
        incidents: 4,
        minutes: (60, 900),
        acknowledged: 50,
    },
    Rule {
        alertname: "消费延迟过高",
        severity: "warning",
        team: "数据平台",
        source: CHINA,
        job: "kafka",
        instances: &["orders", "clicks", "billing"],
        summary: "Kafka 主题 {i} 消费延迟 {n} 分钟",
        description: "消费组落后于生产者，下游报表会晚到。",
        expr: "kafka_consumergroup_lag_seconds > 600",
        incidents: 8,
        minutes: (8, 90),
        acknowledged: 25,
    },
    Rule {
        alertname: "链路丢包",
        severity: "critical",
        team: "网络",
        source: CHINA,
        job: "smokeping",
        instances: &["上海—新加坡", "北京—上海"],
        summary: "{i} 丢包率 {n}%",
        description: "已持续 5 分钟，运营商工单请见值班手册。",
        expr: "smokeping_loss_ratio > 0.03",
        incidents: 6,
        minutes: (6, 60),
        acknowledged: 85,
    },
    Rule {
        alertname: "PageLoadSlow",
        severity: "info",
        team: "web",
        source: PROD,
        job: "rum",
        instances: &["/checkout", "/search", "/"],
        summary: "{i} takes {n} seconds to show",
        description: "Measured in real browsers over the last 10 minutes.",
        expr: "histogram_quantile(0.75, rate(page_load_seconds_bucket[10m])) > 3",
        incidents: 10,
        minutes: (5, 50),
        acknowledged: 5,
    },
    Rule {
        alertname: "SearchIndexOutdated",
        severity: "warning",
        team: "web",
        source: PROD,
        job: "search",
        instances: &["search-1.example.com:9200"],
        summary: "The search index of {i} is {n} minutes old",
        description: "New products cannot be found until it catches up.",
        expr: "time() - search_index_timestamp_seconds > 900",
        incidents: 6,
        minutes: (10, 180),
        acknowledged: 20,
    },
    Rule {
        alertname: STALE,
        severity: "warning",
        team: "infra",
        source: STAGING,
        job: "backup",
        instances: &["db-staging.example.com"],
        summary: "No backup of {i} for {n} hours",
        description: "The nightly job did not report success.",
        expr: "time() - backup_last_success_timestamp_seconds > 86400",
        incidents: 2,
        minutes: (60, 300),
        acknowledged: 40,
    },
    Rule {
        alertname: "PodCrashLooping",
        severity: "warning",
        team: "",
        source: STAGING,
        job: "kube-state-metrics",
        instances: &["checkout-7d9f", "recommender-5c44"],
        summary: "Pod {i} restarted {n} times in 10 minutes",
        description: "See its log for the reason.",
        expr: "increase(kube_pod_container_status_restarts_total[10m]) > 3",
        incidents: 7,
        minutes: (5, 40),
        acknowledged: 10,
    },
];

/// Users who acknowledge incidents, and their notes.
pub(super) const PEOPLE: &[(&str, &[&str])] = &[
    (
        "Ada",
        &[
            "Looking into it",
            "",
            "Known, fix is rolling out",
            "Restarted it",
        ],
    ),
    (
        "Grace",
        &[
            "On it",
            "",
            "Waiting for the provider",
            "Disk is being extended",
        ],
    ),
    ("李雷", &["已知悉，正在处理", "", "等待扩容", "已重启服务"]),
    (
        "韩梅梅",
        &["正在排查", "", "上游延迟，稍后自动恢复", "已联系运营商"],
    ),
];
