super::words! {
    /// Statistics.
    Stats;
    title: "Statistics", "告警统计";
    show: "Show statistics", "显示统计";
    hide: "Hide statistics", "隐藏统计";
    open: "Open", "告警中";
    unacknowledged: "Unacknowledged", "未知悉";
    stale: "Stale", "长时间未更新";
    incidents: "Incidents", "告警事件";
    entries: "Log entries", "日志记录";
    per_incident: "Per incident", "每个告警事件";
    per_incident_hint: "Log entries per incident", "平均每个告警事件的日志记录数";
    timeline: "Alerts over time", "告警趋势";
    timeline_hint: "Firing log entries by severity. Click a bar to show the incidents active at that time.", "告警日志按级别统计。点击柱形查看该时段内处于告警的告警事件。";
    bar [fn(&str, i64) -> String]: |at, n| format!("{at}: {n} firing"), |at, n| format!("{at}：{n} 条告警");
    table: "As a table", "以表格显示";
    chart: "As a chart", "以图表显示";
    when: "Time", "时间";
    resolved: "Resolved", "已恢复";
    other: "other", "其他";
    top: "Noisiest alerts", "高频告警";
    by_alert: "Alert", "告警名称";
    by_instance: "Instance", "实例";
    by_team: "Team", "团队";
    nothing: "No alerts in this time range.", "该时间范围内没有告警。";
    entries_of [fn(i64) -> String]: |n| super::plural(n.unsigned_abs(), "log entry", "log entries"), |n| format!("{n} 条日志记录");
    scope_default: "Last 7 days", "最近 7 天";
}
