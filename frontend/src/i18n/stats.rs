super::words! {
    /// Statistics.
    Stats;
    title: "Statistics", "统计";
    show: "Show statistics", "显示统计";
    hide: "Hide statistics", "隐藏统计";
    open: "Open", "告警中";
    unacknowledged: "Unacknowledged", "未知悉";
    stale: "Stale", "久无消息";
    incidents: "Incidents", "告警事件";
    entries: "Log entries", "日志条数";
    noise: "Noise", "噪声比";
    noise_hint: "Log entries per incident", "平均每个告警事件的日志条数";
    timeline: "Alerts over time", "告警趋势";
    timeline_hint: "Firing log entries by severity. Click a bar to see the incidents that were active then.", "告警日志按级别统计。点击柱形查看该时段内处于告警的事件。";
    bar [fn(&str, i64) -> String]: |at, n| format!("{at}: {n} firing"), |at, n| format!("{at}：{n} 条告警");
    table: "As a table", "以表格显示";
    chart: "As a chart", "以图表显示";
    when: "When", "时间";
    resolved: "Resolved", "恢复";
    other: "other", "其他";
    top: "Noisiest", "最频繁";
    by_alert: "Alert", "告警";
    by_instance: "Instance", "实例";
    by_team: "Team", "团队";
    nothing: "No alerts in this time.", "该时段没有告警。";
    entries_of [fn(i64) -> String]: |n| super::plural(n.unsigned_abs(), "log entry", "log entries"), |n| format!("{n} 条日志");
    scope_default: "Last 7 days", "最近 7 天";
}
