use tocsin_api_types::RowCount;

use crate::query::{Preset, Sort};

super::words! {
    /// Lists and their filters.
    List;
    search: "Search", "搜索";
    search_hint: "Keywords, or a matcher: job=~\"api.*\"", "关键词，或匹配条件：job=~\"api.*\"";
    filters: "Filters", "筛选";
    filter_n [fn(usize) -> String]: |n| format!("Filters ({n})"), |n| format!("筛选（{n}）");
    add: "Add filter", "添加筛选";
    label_name: "Label", "标签";
    label_value: "Value", "值";
    operator: "Operator", "运算符";
    clear: "Clear all", "全部清除";
    remove [fn(&str) -> String]: |what| format!("Remove filter {what}"), |what| format!("移除筛选 {what}");
    none_open: "No open incidents.", "没有告警中的告警事件。";
    show_all: "Show all incidents", "显示所有告警事件";
    filter_by [fn(&str) -> String]: |what| format!("Filter by {what}"), |what| format!("筛选 {what}");
    value_hint: "Click to filter by this value. Alt or Shift + click to exclude it.", "点击：筛选此值。Alt 或 Shift + 点击：排除此值。";
    or: "or", "或";
    all: "All", "全部";
    open: "Open", "告警中";
    unacknowledged: "Unacknowledged", "未知悉";
    firing: "Firing", "告警中";
    resolved: "Resolved", "已恢复";
    show: "Show", "显示";
    time: "Time range", "时间范围";
    any_time: "Any time", "不限时间";
    active_in: "Incidents active in this time range", "时间范围（期间处于告警）";
    received_in: "Log entries received in this time range", "时间范围（期间接收）";
    preset [fn(Preset) -> &'static str]: |p| match p {
        Preset::Hour => "Last hour",
        Preset::SixHours => "Last 6 hours",
        Preset::Day => "Last 24 hours",
        Preset::Week => "Last 7 days",
        Preset::Month => "Last 30 days",
    }, |p| match p {
        Preset::Hour => "最近 1 小时",
        Preset::SixHours => "最近 6 小时",
        Preset::Day => "最近 24 小时",
        Preset::Week => "最近 7 天",
        Preset::Month => "最近 30 天",
    };
    from: "From", "从";
    to: "To", "到";
    apply: "Apply", "应用";
    sort: "Sort by", "排序";
    sort_by [fn(Sort) -> &'static str]: |s| match s {
        Sort::LastSeen => "Last seen",
        Sort::Starts => "Started",
        Sort::Duration => "Duration",
        Sort::Occurrences => "Times received",
    }, |s| match s {
        Sort::LastSeen => "最近更新",
        Sort::Starts => "产生时间",
        Sort::Duration => "持续时间",
        Sort::Occurrences => "收到次数",
    };
    descending: "Descending", "降序";
    ascending: "Ascending", "升序";
    refresh: "Refresh", "刷新";
    export: "Export", "导出";
    export_hint: "Export all rows that match the filter", "导出符合筛选的全部内容";
    next: "Next", "下一页";
    previous: "Previous", "上一页";
    first: "First page", "首页";
    pages: "Pages of the list", "分页";
    page [fn(usize) -> String]: |n| format!("Page {n}"), |n| format!("第 {n} 页");
    rows [fn(usize, bool) -> String]: |n, more| if more { format!("{n} shown, more follow") } else { format!("{n} shown") },
        |n, more| if more { format!("显示 {n} 条，还有更多") } else { format!("共 {n} 条") };
    rows_after [fn(usize, bool) -> String]: |n, more| if more { format!("{n} on this page, more follow") } else { format!("{n} on this page, the last page") },
        |n, more| if more { format!("本页 {n} 条，还有更多") } else { format!("本页 {n} 条，已是末页") };
    new_rows [fn(usize) -> String]: |n| format!("{n} new"), |n| format!("{n} 条新告警");
    changed: "The list has changed", "列表有更新";
    show_new: "Show", "查看";
    select_all: "Select all rows of this page", "选择本页全部";
    select_row [fn(&str) -> String]: |what| format!("Select {what}"), |what| format!("选择 {what}");
    selected [fn(u64) -> String]: |n| format!("{} selected", super::plural(n, "incident", "incidents")), |n| format!("已选 {n} 个告警事件");
    select_matching: "Select all that match the filter", "选择全部符合筛选的告警事件";
    matching_counting: "Counting…", "正在统计…";
    matching [fn(usize) -> String]: |n| format!("All {n} matching unacknowledged incidents selected"), |n| format!("已选全部 {n} 个符合筛选的未知悉告警事件");
    matching_many [fn(RowCount) -> String]: |n| format!("All matching incidents selected ({}). This cannot be undone in one step.", super::row_count(n, "more than ")),
        |n| format!("已选全部符合筛选的告警事件（{} 个），无法一键撤销", super::row_count(n, "超过 "));
    clear_selection: "Clear selection", "取消选择";
    none_match: "Nothing matches the filter.", "没有符合筛选的结果。";
    none_match_hint: "Remove a filter:", "可移除以下筛选：";
    searching: "Searching further back…", "正在继续向前查找…";
    none_so_far: "Nothing found so far. The next page searches further back.", "目前没有找到，下一页将继续向前查找。";
    none_on_page: "Nothing on this page.", "本页没有内容。";
    last_seen: "Last seen", "最近更新";
    received: "Received", "接收时间";
    duration: "Duration", "持续时间";
    count: "Count", "次数";
    times [fn(i64) -> String]: |n| format!("Received {}", super::plural(n.unsigned_abs(), "time", "times")), |n| format!("收到 {n} 次");
    state: "State", "状态";
    status: "Status", "状态";
    acknowledged: "Acknowledged", "已知悉";
    acknowledge: "Acknowledge", "知悉";
    ended: "ended", "已结束";
    rejected [fn(u64, bool) -> String]:
        |n, more| if more { format!("More than {n} requests were rejected") } else { super::plural(n, "request was rejected", "requests were rejected") },
        |n, more| if more { format!("超过 {n} 个请求被拒绝") } else { format!("{n} 个请求被拒绝") };
    rejected_title: "Rejected requests", "被拒绝的请求";
    rejected_why: "Requests to the webhook that could not be read. Their alerts are not in the log.",
        "无法识别的 Webhook 请求，其中的告警未进入告警日志。";
    unrouted [fn(u64, bool) -> String]:
        |n, more| if more { format!("More than {n} requests with alerts that notified nobody") } else { super::plural(n, "request with alerts that notified nobody", "requests with alerts that notified nobody") },
        |n, more| if more { format!("超过 {n} 个请求中有告警未通知任何人") } else { format!("{n} 个请求中有告警未通知任何人") };
    unrouted_title: "Notified nobody", "未通知任何人";
    unrouted_why: "No route matched, or its groups have no recipients. Add a route, recipients, or a default group on the Recipients page.",
        "没有匹配的通知规则，或其分组没有告警人。请在“告警人”页添加通知规则、告警人或默认分组。";
    unrouted_alerts [fn(u64) -> String]: |n| super::plural(n, "alert notified nobody", "alerts notified nobody"), |n| format!("{n} 条告警未通知任何人");
    bytes [fn(i64) -> String]: |n| format!("{n} bytes"), |n| format!("{n} 字节");
    payload: "Payload", "原始报文";
    incident_table: "Incidents, each one firing episode of one alert", "告警事件，每个对应一次告警的完整过程";
    log_table: "Alert log: the alerts as received", "告警日志：接收到的告警";
}
