//! Templates from a directory.

use super::*;

#[test]
fn overrides_replace_embedded_templates_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("zh")).unwrap();
    std::fs::write(
        dir.path().join("notification.subject"),
        "[{{ headline }}] {{ subject_stem }}",
    )
    .unwrap();
    std::fs::write(
        dir.path().join("zh/notification.html"),
        "<p>{{ title }}</p>{{ source }}",
    )
    .unwrap();
    std::fs::write(dir.path().join("zh/words.toml"), "opened = \"出事了\"").unwrap();
    let renderer = Renderer::new(Some(dir.path())).unwrap();
    let mut content = content(Language::Zh, vec![alert(1, EventKind::Opened)]);
    content.source = "<b>".to_owned();
    let read = render_with(&renderer, &content);
    assert_eq!(read.html.trim(), "<p>DiskFull</p>&lt;b&gt;");
    assert!(read.text.contains("[出事了] DiskFull"));
    assert_eq!(
        read.mail.subject,
        "[1 条告警中] [prod] DiskFull db-1:9100 #1"
    );
    content.language = Language::En;
    let read = render_with(&renderer, &content);
    assert!(read.html.contains("Why you received this e-mail"));
    assert_eq!(read.mail.subject, "[1 firing] [prod] DiskFull db-1:9100 #1");
}

#[test]
fn errors_in_overrides_are_found_at_startup_with_file_and_line() {
    for (file, content, expected) in [
        (
            "notification.html",
            "<p>\n{{ title }",
            "notification.html:2:",
        ),
        (
            "notification.txt",
            "a\n\n{{ no_such_thing }}",
            "notification.txt:3:",
        ),
        (
            "notification.txt",
            "{{ t(key=\"no_such_word\") }}",
            "no_such_word",
        ),
        (
            "notification.subject",
            "{{ title | no_such_filter }}",
            "no_such_filter",
        ),
        ("en/words.toml", "firing = \"x\"\n", "unknown key `firing`"),
        ("en/words.toml", "opened = \"a\"\nlost = [", "line 2"),
        (
            "notification.html",
            "{% for a in alerts %}{{ a.summmary }}{% endfor %}",
            "summmary",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("en")).unwrap();
        std::fs::write(dir.path().join(file), content).unwrap();
        let error = Renderer::new(Some(dir.path()))
            .err()
            .expect(content)
            .to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(file), "{error}");
    }
    assert!(Renderer::new(Some(Path::new("/nonexistent/templates"))).is_err());
}

#[test]
fn an_override_that_fails_later_does_not_stop_the_mail() {
    let dir = tempfile::tempdir().unwrap();
    let template = "{% if receiver == \"mail\" %}{{ throw(message=\"no\") }}{% endif %}mine";
    std::fs::write(dir.path().join("notification.html"), template).unwrap();
    let renderer = Renderer::new(Some(dir.path())).unwrap();
    let mut content = content(Language::En, vec![alert(1, EventKind::Opened)]);
    assert!(
        render_with(&renderer, &content)
            .html
            .contains("Why you received this e-mail")
    );
    content.receiver = "other".to_owned();
    assert_eq!(render_with(&renderer, &content).html.trim(), "mine");
}

#[test]
fn the_manual_documents_all_template_variables() {
    let manual = include_str!("../../../../../templates/email/README.md");
    let content = sample::content(Language::En);
    let words = Templates::embedded(Language::En).unwrap().words;
    let view = serde_json::to_value(View::new(&content, &words, MAX_ALERTS)).unwrap();
    let mut names: Vec<String> = Vec::new();
    for (name, value) in view.as_object().unwrap() {
        names.push(name.clone());
        if let Some(inner) = value.get(0).and_then(|first| first.as_object()) {
            names.extend(inner.keys().cloned());
        }
    }
    for name in names {
        assert!(
            manual.contains(&format!("`{name}`")),
            "{name} is missing in the manual"
        );
    }
}
