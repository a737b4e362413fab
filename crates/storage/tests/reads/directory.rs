//! Recipients, groups and routes.

use tocsin_storage::directory::{
    self, ByGroup, ByPosition, ByRecipient, GroupRow, NamedRef, RecipientRow, RouteRow,
};
use tocsin_storage::enums::Language;
use tocsin_storage::{Order, PageRequest, StorageError};

use crate::common::TestDb;

crate::on_both!(
    members_are_listed_for_both_recipients_and_groups,
    only_one_group_is_the_default,
    rows_in_use_cannot_be_deleted,
    routes_keep_an_order_without_gaps,
    routing_plan_is_complete,
    every_change_increments_the_version,
    lists_are_paged,
);

fn recipient(name: &str, enabled: bool) -> RecipientRow {
    RecipientRow {
        name: name.to_owned(),
        email: format!("{name}@Example.com"),
        language: Language::Zh,
        time_zone: "Asia/Shanghai".to_owned(),
        enabled,
    }
}

fn group(name: &str, is_default: bool) -> GroupRow {
    GroupRow {
        name: name.to_owned(),
        is_default,
    }
}

fn route(name: &str) -> RouteRow {
    RouteRow {
        name: name.to_owned(),
        matchers: vec![r#"team="infra""#.to_owned(), r#"job=~"a|\"b\"""#.to_owned()],
        go_on: true,
        repeat: false,
    }
}

fn named(rows: &[NamedRef]) -> Vec<&str> {
    rows.iter().map(|row| row.name.as_str()).collect()
}

async fn members_are_listed_for_both_recipients_and_groups(test: &TestDb) {
    let tx = test.db.begin().await.unwrap();
    let kim = directory::insert_recipient(&tx, &recipient("Kim", true))
        .await
        .unwrap();
    let ann = directory::insert_recipient(&tx, &recipient("Ann", false))
        .await
        .unwrap();
    let ops = directory::insert_group(&tx, &group("ops", false))
        .await
        .unwrap();
    let dba = directory::insert_group(&tx, &group("Dba", false))
        .await
        .unwrap();
    directory::set_members(&tx, ops, &[kim, ann, kim])
        .await
        .unwrap();
    directory::set_groups_of_recipient(&tx, ann, &[dba, ops, ops])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let view = directory::get_recipient(&test.db, ann)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(view.recipient, recipient("Ann", false));
    assert_eq!(named(&view.groups), ["Dba", "ops"]);
    let view = directory::get_group(&test.db, ops).await.unwrap().unwrap();
    assert_eq!(named(&view.recipients), ["Ann", "Kim"]);
    let tx = test.db.begin().await.unwrap();
    directory::set_members(&tx, ops, &[]).await.unwrap();
    directory::update_recipient(&tx, kim, &recipient("Kim Li", false))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        named(&directory::groups_of(&test.db, ann).await.unwrap()),
        ["Dba"]
    );
    let kim_li = directory::recipient_by_email(&test.db, "KIM LI@EXAMPLE.COM")
        .await
        .unwrap();
    assert_eq!(kim_li, Some(kim));
    assert_eq!(
        directory::missing_recipients(&test.db, &[7, ann, 9])
            .await
            .unwrap(),
        [7, 9]
    );
    assert_eq!(
        directory::missing_groups(&test.db, &[dba, 7])
            .await
            .unwrap(),
        [7]
    );
}

async fn only_one_group_is_the_default(test: &TestDb) {
    let tx = test.db.begin().await.unwrap();
    let first = directory::insert_group(&tx, &group("first", true))
        .await
        .unwrap();
    let second = directory::insert_group(&tx, &group("second", true))
        .await
        .unwrap();
    directory::update_group(&tx, first, &group("first", true))
        .await
        .unwrap();
    directory::update_group(&tx, first, &group("first", true))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    for (id, is_default) in [(first, true), (second, false)] {
        let view = directory::get_group(&test.db, id).await.unwrap().unwrap();
        assert_eq!(view.group.is_default, is_default);
    }
    assert_eq!(
        directory::group_by_name(&test.db, "second").await.unwrap(),
        Some(second)
    );
    assert_eq!(
        directory::group_by_name(&test.db, "Second").await.unwrap(),
        None
    );
}

async fn rows_in_use_cannot_be_deleted(test: &TestDb) {
    let tx = test.db.begin().await.unwrap();
    let kim = directory::insert_recipient(&tx, &recipient("Kim", true))
        .await
        .unwrap();
    let ops = directory::insert_group(&tx, &group("ops", false))
        .await
        .unwrap();
    directory::set_members(&tx, ops, &[kim]).await.unwrap();
    let all = directory::insert_route(&tx, &route("all"), &[ops])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        named(&directory::routes_of(&test.db, ops).await.unwrap()),
        ["all"]
    );
    let tx = test.db.begin().await.unwrap();
    let error = directory::delete_recipient(&tx, kim).await.unwrap_err();
    assert!(matches!(error, StorageError::Conflict(_)), "{error}");
    tx.rollback().await.unwrap();
    let tx = test.db.begin().await.unwrap();
    let error = directory::delete_group(&tx, ops).await.unwrap_err();
    assert!(matches!(error, StorageError::Conflict(_)), "{error}");
    tx.rollback().await.unwrap();
    let tx = test.db.begin().await.unwrap();
    let error = directory::insert_recipient(&tx, &recipient("kIM", true))
        .await
        .unwrap_err();
    assert!(matches!(error, StorageError::Conflict(_)), "{error}");
    tx.rollback().await.unwrap();
    let tx = test.db.begin().await.unwrap();
    assert!(directory::delete_route(&tx, all).await.unwrap());
    assert!(directory::delete_group(&tx, ops).await.unwrap());
    assert!(directory::delete_recipient(&tx, kim).await.unwrap());
    assert!(!directory::delete_recipient(&tx, kim).await.unwrap());
    let missing = directory::update_group(&tx, ops, &group("ops", false))
        .await
        .unwrap_err();
    assert!(matches!(missing, StorageError::Stale("group")), "{missing}");
    tx.commit().await.unwrap();
}

async fn routes_keep_an_order_without_gaps(test: &TestDb) {
    let tx = test.db.begin().await.unwrap();
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        ids.push(
            directory::insert_route(&tx, &route(name), &[])
                .await
                .unwrap(),
        );
    }
    directory::set_route_order(&tx, &[ids[3], ids[1], ids[0], ids[2]])
        .await
        .unwrap();
    assert!(directory::delete_route(&tx, ids[1]).await.unwrap());
    tx.commit().await.unwrap();
    let page = PageRequest::first(ByPosition, Order::Asc, 50);
    let routes = directory::list_routes(&test.db, &page).await.unwrap().items;
    let order: Vec<(i64, &str)> = routes
        .iter()
        .map(|route| (route.position, route.route.name.as_str()))
        .collect();
    assert_eq!(order, [(1, "d"), (2, "a"), (3, "c")]);
    assert_eq!(routes[0].route, route("d"));
    assert_eq!(
        directory::route_order(&test.db).await.unwrap(),
        [ids[3], ids[0], ids[2]]
    );
}

async fn routing_plan_is_complete(test: &TestDb) {
    let tx = test.db.begin().await.unwrap();
    let kim = directory::insert_recipient(&tx, &recipient("Kim", true))
        .await
        .unwrap();
    let ann = directory::insert_recipient(&tx, &recipient("Ann", false))
        .await
        .unwrap();
    let ops = directory::insert_group(&tx, &group("ops", true))
        .await
        .unwrap();
    let empty = directory::insert_group(&tx, &group("empty", false))
        .await
        .unwrap();
    directory::set_members(&tx, ops, &[kim, ann]).await.unwrap();
    let first = directory::insert_route(&tx, &route("first"), &[empty, ops])
        .await
        .unwrap();
    let second = directory::insert_route(&tx, &route("second"), &[])
        .await
        .unwrap();
    directory::set_route_order(&tx, &[second, first])
        .await
        .unwrap();
    let plan = directory::load_plan_rows(&tx).await.unwrap();
    let routes: Vec<(i64, &[i64])> = plan
        .routes
        .iter()
        .map(|route| (route.id, route.group_ids.as_slice()))
        .collect();
    assert_eq!(routes, [(second, [].as_slice()), (first, &[ops, empty])]);
    assert_eq!(plan.routes[0].matchers, route("").matchers);
    assert!(plan.routes[0].go_on && !plan.routes[0].repeat);
    let recipients: Vec<i64> = plan.groups[0].recipients.iter().map(|r| r.id).collect();
    assert_eq!((recipients, plan.groups[0].is_default), (vec![kim], true));
    assert_eq!(plan.groups[0].recipients[0].language, Language::Zh);
    assert!(plan.groups[1].recipients.is_empty());
}

async fn every_change_increments_the_version(test: &TestDb) {
    assert_eq!(directory::version(&test.db).await.unwrap(), 0);
    for version in 1..=3 {
        let tx = test.db.begin().await.unwrap();
        directory::begin_change(&tx).await.unwrap();
        assert_eq!(directory::version(&tx).await.unwrap(), version);
        tx.commit().await.unwrap();
        assert_eq!(directory::version(&test.db).await.unwrap(), version);
    }
}

async fn lists_are_paged(test: &TestDb) {
    let tx = test.db.begin().await.unwrap();
    for n in 0..5 {
        directory::insert_recipient(&tx, &recipient(&format!("r{n}"), true))
            .await
            .unwrap();
        directory::insert_group(&tx, &group(&format!("g{n}"), false))
            .await
            .unwrap();
    }
    tx.commit().await.unwrap();
    let first = PageRequest::first(ByRecipient, Order::Asc, 3);
    let page = directory::list_recipients(&test.db, &first).await.unwrap();
    assert_eq!(page.items.len(), 3);
    let next = page.next.unwrap();
    let second = PageRequest::new(ByRecipient, Order::Asc, 3, Some(&next)).unwrap();
    let page = directory::list_recipients(&test.db, &second).await.unwrap();
    assert_eq!((page.items.len(), page.next), (2, None));
    let groups = PageRequest::first(ByGroup, Order::Asc, 5);
    let page = directory::list_groups(&test.db, &groups).await.unwrap();
    assert_eq!((page.items.len(), page.next), (5, None));
}
