//! Compares all filters and pairs of filters with a loop over all rows: the same rows in the
//! same order, forwards and backwards, with any scan budget.

use rand::seq::IndexedRandom;
use tocsin_core::alert::Status;
use tocsin_core::matcher;
use tocsin_core::search;
use tocsin_storage::alert_log::{self, AlertView, ByReceived, LogWalk};
use tocsin_storage::enums::IncidentState;
use tocsin_storage::incidents::{self, IncidentSort, IncidentView, IncidentWalk};
use tocsin_storage::{
    AlertCriteria, AlertFilter, IncidentFilter, Order, Page, PageRequest, ScanBudget, TimeRange,
};

use crate::common::{TestDb, at};
use crate::world::{INSTANCES, NAMES, NOW, SEVERITIES, SOURCES, STALE_AFTER, TEAMS, World, stale};

crate::on_both!(
    all_filter_pairs_of_the_log,
    all_filter_pairs_of_incidents,
    matchers_and_words_of_the_log,
);

/// Small budgets, so that pages end early, statements read only part of a page, and few
/// alerts exceed the limit; and the default.
fn budgets() -> [ScanBudget; 4] {
    [
        ScanBudget {
            rows: 30,
            chunk: 7,
            few: 0,
        },
        ScanBudget {
            rows: 60,
            chunk: 200,
            few: 3,
        },
        ScanBudget {
            rows: 90,
            chunk: 20,
            few: 100,
        },
        ScanBudget::default(),
    ]
}

const MATCHERS: [&str; 14] = [
    r#"job="api""#,
    r#"job!="api""#,
    r#"job=~"api.*""#,
    r#"job!~"api.*""#,
    r#"job="""#,
    r#"job!="""#,
    r#"job=~".*""#,
    r#"job=~".+""#,
    r#"job=~"api|""#,
    r#"instance=~"web-[12]:.*""#,
    r#"severity=~"(?i)warning""#,
    r#"team!~"infra|数据库""#,
    r#"missing="""#,
    r#"missing=~"x""#,
];
const WORDS: [&str; 12] = [
    "disk", "%", "_", r"\", "内存", "über", "WEB-1", "9100", "straße", "odd%", "full", "nowhere",
];

/// A criterion that log entries and incidents share.
type About = (&'static str, fn(&mut AlertCriteria));

const ABOUT: [About; 18] = [
    ("severity", |c| c.severity = texts(&SEVERITIES[..1])),
    ("no severity", |c| c.severity = texts(&SEVERITIES[2..])),
    ("team", |c| c.team = texts(&TEAMS[1..3])),
    ("alertname", |c| c.alertname = texts(&NAMES[..1])),
    ("no alertname", |c| c.alertname = texts(&["(none)"])),
    ("instance", |c| c.instance = texts(&INSTANCES[..2])),
    ("source", |c| c.source = texts(&SOURCES[1..2])),
    ("known", |c| c.known = Some(true)),
    ("not known", |c| c.known = Some(false)),
    ("matcher", |c| c.matchers = matchers(&MATCHERS[2..3])),
    ("matcher of nothing", |c| {
        c.matchers = matchers(&MATCHERS[4..5])
    }),
    ("word", |c| c.words = search::words("disk").unwrap()),
    ("short word", |c| c.words = search::words("1").unwrap()),
    ("words", |c| c.words = search::words("内存 %").unwrap()),
    ("starts", |c| c.starts = range(Some(300), Some(700))),
    ("starts from", |c| c.starts = range(Some(800), None)),
    ("ends", |c| c.ends = range(Some(200), Some(900))),
    ("ends to", |c| c.ends = range(None, Some(400))),
];

type Criterion<F> = (&'static str, fn(&mut F));

const LOG: [Criterion<AlertFilter>; 4] = [
    ("status", |f| f.status = vec![Status::Resolved]),
    ("both statuses", |f| {
        f.status = vec![Status::Resolved, Status::Firing]
    }),
    ("received", |f| f.received = range(Some(500), Some(1_200))),
    ("received to", |f| f.received = range(None, Some(300))),
];

const INCIDENTS: [Criterion<IncidentFilter>; 8] = [
    ("state", |f| f.state = vec![IncidentState::Expired]),
    ("states", |f| {
        f.state = vec![IncidentState::Open, IncidentState::Resolved]
    }),
    ("status", |f| f.status = vec![Status::Firing]),
    ("stale", |f| f.stale = Some(true)),
    ("not stale", |f| f.stale = Some(false)),
    ("active", |f| f.active = range(Some(400), Some(700))),
    ("active from", |f| f.active = range(Some(900), None)),
    ("active to", |f| f.active = range(None, Some(300))),
];

fn texts(of: &[&str]) -> Vec<String> {
    of.iter().map(|text| (*text).to_owned()).collect()
}

fn matchers(of: &[&str]) -> Vec<matcher::Matcher> {
    of.iter().map(|m| matcher::parse(m).unwrap()).collect()
}

fn range(from: Option<i64>, to: Option<i64>) -> TimeRange {
    TimeRange {
        from: from.map(at),
        to: to.map(at),
    }
}

/// All pages from the first one, and then backwards all pages before the last one.
struct Pages<T> {
    forth: Vec<T>,
    last: usize,
    back: Vec<T>,
}

async fn pages<T>(what: &str, read: impl AsyncFn(Option<&str>) -> Page<T>) -> Pages<T> {
    let mut forth = Vec::new();
    let mut page = read(None).await;
    assert_eq!(page.prev, None, "the first page has no previous page");
    let mut last = None;
    let mut steps = 0;
    let mut on_last;
    loop {
        on_last = page.items.len();
        forth.append(&mut page.items);
        let Some(next) = page.next else { break };
        page = read(Some(&next)).await;
        assert!(page.prev.is_some(), "later pages have a previous page");
        last = page.prev.clone();
        steps += 1;
        assert!(steps < 1_000, "{what}: the pages never end");
    }
    let mut back: Vec<Vec<T>> = Vec::new();
    let mut prev = last;
    let mut steps = 0;
    while let Some(cursor) = prev {
        let page = read(Some(&cursor)).await;
        assert!(page.next.is_some(), "a previous page has a next page");
        back.push(page.items);
        prev = page.prev;
        steps += 1;
        assert!(steps < 1_000, "{what}: the pages never end");
    }
    back.reverse();
    Pages {
        forth,
        last: on_last,
        back: back.into_iter().flatten().collect(),
    }
}

impl<T> Pages<T> {
    /// Compares the pages with the expected IDs.
    fn check(&self, expected: &[i64], id: impl Fn(&T) -> i64, what: &str) {
        let forth: Vec<i64> = self.forth.iter().map(&id).collect();
        assert_eq!(forth, expected, "{what}");
        let back: Vec<i64> = self.back.iter().map(&id).collect();
        assert_eq!(back, expected[..expected.len() - self.last], "{what}, back");
    }
}

async fn check_log(test: &TestDb, world: &mut World, filter: &AlertFilter, what: &str) -> usize {
    let budget = *budgets().choose(&mut world.random).unwrap();
    let order = *[Order::Asc, Order::Desc].choose(&mut world.random).unwrap();
    let what = format!("{what}, {order:?}, {budget:?}");
    let mut expected = world.alerts(filter);
    if order == Order::Desc {
        expected.reverse();
    }
    let read = async |cursor: Option<&str>| {
        let page = PageRequest::new(ByReceived, order, 17, cursor).unwrap();
        let page = alert_log::list_within(&test.db, filter, &page, &budget).await;
        page.unwrap_or_else(|error| panic!("{what}: {error}"))
    };
    let all = pages(&what, read).await;
    all.check(&expected, |alert: &AlertView| alert.id, &what);
    let mut walk = LogWalk::new(filter.clone(), order);
    let mut walked = Vec::new();
    while let Some(chunk) = walk.next(&test.db).await.unwrap() {
        walked.extend(chunk.iter().map(|alert| alert.id));
    }
    assert_eq!(walked, expected, "{what}");
    let count = alert_log::count(&test.db, filter).await.unwrap();
    assert_eq!((count.value, count.exact), (expected.len() as u64, true));
    expected.len()
}

async fn check_incidents(
    test: &TestDb,
    world: &mut World,
    filter: &IncidentFilter,
    what: &str,
) -> usize {
    let random = &mut world.random;
    let budget = *budgets().choose(random).unwrap();
    let order = *[Order::Asc, Order::Desc].choose(random).unwrap();
    let sorts = [
        IncidentSort::LastSeenAt,
        IncidentSort::StartsAt,
        IncidentSort::Duration,
        IncidentSort::Occurrences,
    ];
    let sort = *sorts.choose(random).unwrap();
    let what = format!("{what}, {sort:?}, {order:?}, {budget:?}");
    let mut expected = world.incidents(filter, sort);
    let mut all = expected.clone();
    all.sort_unstable();
    if order == Order::Desc {
        expected.reverse();
    }
    // The clock advances while pages are read; the walk is not affected.
    let clock = std::cell::Cell::new(NOW);
    let read = async |cursor: Option<&str>| {
        let page = PageRequest::new(sort, order, 9, cursor).unwrap();
        let now = at(clock.get());
        clock.set(clock.get() + 70);
        let page = incidents::list_within(&test.db, filter, &page, now, STALE_AFTER, &budget).await;
        page.unwrap_or_else(|error| panic!("{what}: {error}"))
    };
    let found = pages(&what, read).await;
    found.check(&expected, |incident: &IncidentView| incident.id, &what);
    for incident in &found.forth {
        let model = &world.incidents[incident.id as usize - 1];
        assert_eq!(incident.stale, stale(model));
        assert_eq!(incident.content.labels, model.labels);
        assert_eq!(incident.content.fields.message, model.message);
    }
    let matching = incidents::ids_matching(&test.db, filter, 1_000, at(NOW), STALE_AFTER).await;
    assert_eq!(matching.unwrap(), all, "{what}");
    let mut walk = IncidentWalk::new(filter.clone(), sort, order, at(NOW), STALE_AFTER);
    let mut walked = Vec::new();
    while let Some(chunk) = walk.next(&test.db).await.unwrap() {
        walked.extend(chunk.iter().map(|incident| incident.id));
    }
    assert_eq!(walked, expected, "{what}");
    let count = incidents::count(&test.db, filter, at(NOW), STALE_AFTER).await;
    let count = count.unwrap();
    assert_eq!((count.value, count.exact), (expected.len() as u64, true));
    expected.len()
}

async fn all_filter_pairs_of_the_log(test: &TestDb) {
    let mut world = World::put(test).await;
    let mut found = 0;
    let filters = ABOUT.len() + LOG.len();
    for first in 0..filters {
        // A filter paired with itself is the single filter.
        for second in first..filters {
            let mut filter = AlertFilter::default();
            let mut name = |index: usize| match index.checked_sub(ABOUT.len()) {
                None => {
                    ABOUT[index].1(&mut filter.about);
                    ABOUT[index].0
                }
                Some(index) => {
                    LOG[index].1(&mut filter);
                    LOG[index].0
                }
            };
            let what = format!("{} and {}", name(first), name(second));
            found += check_log(test, &mut world, &filter, &what).await;
        }
    }
    assert!(found > 3_000, "too little to compare: {found}");
}

async fn all_filter_pairs_of_incidents(test: &TestDb) {
    let mut world = World::put(test).await;
    let mut found = 0;
    let filters = ABOUT.len() + INCIDENTS.len();
    for first in 0..filters {
        for second in first..filters {
            let mut filter = IncidentFilter::default();
            let mut name = |index: usize| match index.checked_sub(ABOUT.len()) {
                None => {
                    ABOUT[index].1(&mut filter.about);
                    ABOUT[index].0
                }
                Some(index) => {
                    INCIDENTS[index].1(&mut filter);
                    INCIDENTS[index].0
                }
            };
            let what = format!("{} and {}", name(first), name(second));
            found += check_incidents(test, &mut world, &filter, &what).await;
        }
    }
    assert!(found > 1_500, "too little to compare: {found}");
}

async fn matchers_and_words_of_the_log(test: &TestDb) {
    let mut world = World::put(test).await;
    let nothing = AlertFilter::default();
    check_log(test, &mut world, &nothing, "everything").await;
    for text in MATCHERS {
        let mut filter = AlertFilter::default();
        filter.about.matchers = matchers(&[text]);
        check_log(test, &mut world, &filter, text).await;
    }
    for word in WORDS {
        let mut filter = AlertFilter::default();
        filter.about.words = search::words(word).unwrap();
        check_log(test, &mut world, &filter, word).await;
    }
}
