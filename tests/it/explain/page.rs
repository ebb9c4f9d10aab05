//! The page of a plan in a real browser: what the server says is text there, and nothing is loaded.

use std::process::Command;

use crate::support::pty::PGDJ;

/// A plan whose names would be markup, or a script, or another request.
const HOSTILE: &str = r#"[{"Plan": {"Node Type": "Seq Scan", "Relation Name": "</title><script>document.title='run'</script>",
    "Alias": "<img src=http://127.0.0.1:9/x onerror=\"document.title='run'\">", "Startup Cost": 0.0, "Total Cost": 9000.0,
    "Plan Rows": 2, "Plan Width": 40, "Actual Startup Time": 1.0, "Actual Total Time": 180.0, "Actual Rows": 2, "Actual Loops": 1,
    "Filter": "(note = '</pre></style><style>body { display: none }</style>'::text)", "Rows Removed by Filter": 399998},
    "Planning Time": 0.1, "Execution Time": 180.1}]"#;

/// Needs Chromium, which is no part of the tests otherwise: without `PGDJ_TEST_BROWSER` it is passed over.
#[test]
#[expect(clippy::disallowed_methods, reason = "the tests are configured by the environment")]
fn a_browser_shows_hostile_names_as_text() {
    let Ok(browser) = std::env::var("PGDJ_TEST_BROWSER") else { return };
    let folder = tempfile::tempdir().unwrap();
    let (plan, page) = (folder.path().join("plan.json"), folder.path().join("page.html"));
    std::fs::write(&plan, HOSTILE).unwrap();
    let made = Command::new(PGDJ).args(["explain", "--format", "html"]).arg(&plan).env_clear().output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::write(&page, &made.stdout).unwrap();
    let shown = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8(shown.stdout).unwrap();
    assert!(dom.contains("<title>EXPLAIN</title>"), "{dom}");
    assert!(!dom.contains("<script") && !dom.contains("<img") && dom.matches("<style").count() == 1, "{dom}");
    for text in ["Seq Scan", "&lt;script&gt;document.title='run'", "removed by the filter: 400k rows"] {
        assert!(dom.contains(text), "{text} in {dom}");
    }
}
