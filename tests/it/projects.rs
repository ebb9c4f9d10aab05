//! Extracts of real Django projects, with what Django's own `_meta` says of them: pgdj says the same, or "probably".
//!
//! `tests/projects/compare.py --extract` makes them; without it, it compares the whole projects.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use pgdj::django::Project;
use pgdj::readings::Readings;
use pgdj::record::Reader;
use pgdj::sample::{RowSet, Snapshot};
use serde_json::Value;

const EXTRACTS: [(&str, &str); 4] = [
    ("oscar", include_str!("../projects/extracts/oscar.jsonl")),
    ("wagtail", include_str!("../projects/extracts/wagtail.jsonl")),
    ("cms", include_str!("../projects/extracts/cms.jsonl")),
    ("pretix", include_str!("../projects/extracts/pretix.jsonl")),
];

/// What no evidence in the database tells: a table that was renamed, with an index that its model no longer asks for.
const NOT_TO_BE_KNOWN: [&str; 1] = ["customer_notification_date_sent_9b6baeda"];

/// Returns the snapshot of an extract, and what Django says.
fn read(text: &str) -> (Snapshot, Value) {
    let lines: Vec<&str> = text.lines().collect();
    let [header, frame, expected] = lines[..] else { panic!("three lines") };
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    writeln!(packed, "{header}\n{frame}").unwrap();
    let packed = packed.finish().unwrap();
    let snapshot = Reader::new(&packed[..]).unwrap().next().unwrap();
    ((*snapshot).clone(), serde_json::from_str(expected).unwrap())
}

#[test]
fn every_table_has_the_model_that_django_says() {
    for (project, text) in EXTRACTS {
        let (snapshot, expected) = read(text);
        let known = Project::of(&snapshot);
        let names: Vec<&str> =
            snapshot.rows("tables").into_iter().flat_map(RowSet::iter).map(|row| row.text("name")).collect();
        assert!(names.len() > 5, "{project}");
        for name in names {
            let owner = known.owner(name).map(|owner| owner.label());
            assert_eq!(owner.as_deref(), expected["tables"][name].as_str(), "{project}: {name}");
        }
        for (app, name) in expected["last_migrations"].as_object().unwrap() {
            assert_eq!(known.last_migration(app), name.as_str(), "{project}: {app}");
        }
    }
}

#[test]
fn every_index_comes_from_where_django_says() {
    for (project, text) in EXTRACTS {
        let (snapshot, expected) = read(text);
        let readings = Readings::of(snapshot);
        let origins = readings.origins();
        for index in readings.indexes().unwrap() {
            let sources: Vec<&str> = expected["indexes"][&index.name]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap())
                .collect();
            let origin = origins.origin(index);
            let source = format!("{:?}", origin.source);
            // What no model asks for was made by hand, or a migration left it.
            let is_nobodys = sources.is_empty() && ["Named", "LeftOver", "UniqueConstraint"].contains(&source.as_str());
            if NOT_TO_BE_KNOWN.contains(&index.name.as_str()) {
                assert!(origin.words().starts_with("probably "), "{project}: {}", index.name);
            } else {
                assert!(
                    is_nobodys || sources.contains(&source.as_str()),
                    "{project}: {} {source} {sources:?}",
                    index.name
                );
            }
        }
    }
}
