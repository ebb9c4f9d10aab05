//! The rules of the house that no lint can hold. Each failure names the file, the line and the rule.

use std::fs;
use std::path::{Path, PathBuf};

/// A rule that lines must keep: where it holds, what no line may hold, and why.
struct Ban {
    folders: &'static [&'static str],
    except: &'static [&'static str],
    words: &'static [&'static str],
    rule: &'static str,
}

const PURE: &[&str] = &[
    "src/sample",
    "src/readings",
    "src/document",
    "src/quote.rs",
    "src/plan",
    "src/catalog",
    "src/django",
    "src/advisor",
    "src/findings",
    "src/workload",
];

const BANS: &[Ban] = &[
    Ban {
        folders: PURE,
        except: &["src/plan/fixtures.rs"],
        words: &[
            "tokio",
            "crossterm",
            "ratatui",
            "std::net",
            "std::env",
            "std::fs",
            "Instant::now",
            "SystemTime",
            "Timestamp::now",
            ".await",
        ],
        rule: "the core is pure: no screen, no socket, no clock, no environment",
    },
    Ban {
        folders: &["src/app", "src/panes", "src/ui"],
        except: &[],
        words: &[".await", "async fn", "tokio", "std::net", "std::process"],
        rule: "nothing awaits in the face; only the shell talks to the world",
    },
    Ban {
        folders: &["src/app", "src/panes", "src/findings"],
        except: &[],
        words: &[
            "Usage::all(",
            "ReferringKey::all(",
            "Settings::all(",
            "Settings::of(",
            "Project::of(",
            "Policy::by(",
            "Counting::of(",
            "Origins::by(",
            "VacuumHorizon::of(",
            "estimates(",
            "backends::backends(",
            "Waits::of(",
        ],
        rule: "a subject of a sample is decoded by `readings`, once",
    },
    Ban {
        folders: &["src/app", "src/panes"],
        except: &[],
        words: &["RowSet", "row.text(", "row.int(", "row.number(", "row.flag(", "row.get("],
        rule: "the face shows what `readings` say, and reads no rows",
    },
    Ban {
        folders: &["src/panes"],
        except: &[],
        words: &["column.id", "column: &str"],
        rule: "a column is declared once, with the cell of a row: `panes::column`",
    },
    Ban {
        folders: &["src"],
        except: &["src/run", "src/demo", "src/pg/private.rs", "src/cli"],
        words: &["tokio::spawn", "thread::spawn", "JoinSet"],
        rule: "only `run` spawns (and the demo's own load)",
    },
    Ban {
        folders: &["src"],
        // What writes a colour knows them all.
        except: &["src/ui/theme", "src/run/terminal/pen.rs"],
        words: &[
            "Color::Rgb",
            "Color::Indexed",
            "Color::Red",
            "Color::Green",
            "Color::Yellow",
            "Color::Blue",
            "Color::Cyan",
            "Color::Magenta",
            "Color::White",
            "Color::Black",
            "Color::Gray",
            "Color::Light",
            "Color::Dark",
        ],
        rule: "colour only through a role of the theme",
    },
    Ban {
        folders: &["src"],
        except: &["src/pg", "src/demo"],
        words: &["version_num >", "version_num <"],
        rule: "ask the server what it has, not what version it is",
    },
    Ban {
        folders: &["src"],
        // The last two write conninfo and an array's text.
        except: &["src/quote.rs", "src/pg/address", "src/pg/explain/choices.rs"],
        words: &["replace('\"'", "replace('\\''", "quote_identifier("],
        rule: "names and texts are quoted for SQL by `quote`, for Python by `django::python`",
    },
    Ban {
        folders: &["src"],
        except: &["src/django"],
        words: &["class Migration(", "models.Index(fields", "AddIndexConcurrently(", "dependencies = [", "class Meta:"],
        rule: "Django code is written by `django`, which its judge judges",
    },
    Ban {
        folders: &["src"],
        except: &["src/django", "src/pg/verify"],
        words: &[
            "CREATE INDEX CONCURRENTLY {",
            "CREATE INDEX {",
            " ON {} (",
            "VACUUM {}\", table",
            "ANALYZE {}\", table",
        ],
        rule: "an index is written by `django::sql`, a table's name by `quote`",
    },
    Ban {
        folders: &["src"],
        // These two take `own::Sql` only, which only a registered statement makes; the demo fills its own server.
        except: &["src/pg/connection.rs", "src/pg/connect.rs", "src/demo"],
        words: &[
            "batch_execute",
            "simple_query",
            "query_typed",
            ".query_raw",
            "query_one",
            "query_opt",
            "execute_raw",
            "execute_typed",
            "copy_in(",
            "copy_out(",
            "build_transaction",
        ],
        rule: "what is sent to a server is an `own::Own` that is in its list",
    },
    Ban {
        folders: &["src"],
        except: &[],
        words: &["TODO", "FIXME", "XXX", "unbounded_channel", "todo!("],
        rule: "do it or leave it; every channel is bounded",
    },
];

/// Rooms, and the rooms of the crate that they must not name, in tests neither.
const LAYERS: &[(&[&str], &[&str])] = &[
    (PURE, &["pg", "report", "app", "ui", "run", "cli", "panes", "record", "config", "demo"]),
    (&["src/report"], &["app", "ui", "run", "cli", "panes", "record", "config", "demo"]),
    (&["src/pg"], &["report", "app", "ui", "run", "cli", "panes", "record", "config", "demo"]),
    (&["src/ui"], &["pg", "report", "app", "run", "cli", "panes", "record", "config", "demo"]),
];

/// Files of one idea each, and the file that lists them.
const LISTS: &[(&str, &str)] = &[
    ("src/pg/probes", "src/pg/probes.rs"),
    ("src/findings", "src/findings.rs"),
    ("src/readings", "src/readings.rs"),
    ("src/panes", "src/panes.rs"),
    ("src/plan/tips", "src/plan/tips.rs"),
    ("src/cli", "src/cli.rs"),
    ("tests/it", "tests/it/main.rs"),
];

/// What may stand at the top: the card's entries, and what an ecosystem convention asks for.
const TOP: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "src",
    "benches",
    "themes",
    "tests",
    "screenshots",
    "README.md",
    "LICENSE",
    "NOTICE",
    "CHANGELOG.md",
    "target",
    "proptest-regressions",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) && !name_of(&path).ends_with("tests.rs")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn name_of(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The lines of a file before its tests, without comments.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(at, line)| (at + 1, line))
}

fn is_under(name: &str, folder: &str) -> bool {
    name.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == ".rs" || rest.starts_with(".rs"))
}

#[test]
fn no_line_breaks_a_rule_of_its_folder() {
    let mut broken = Vec::new();
    for path in files(&root().join("src"), "rs") {
        let name = name_of(&path);
        let text = fs::read_to_string(&path).unwrap();
        for ban in BANS {
            let holds = ban.folders.iter().any(|folder| is_under(&name, folder))
                && !ban.except.iter().any(|folder| is_under(&name, folder));
            if !holds {
                continue;
            }
            for (at, line) in code_lines(&text) {
                if let Some(word) = ban.words.iter().find(|word| line.contains(**word)) {
                    broken.push(format!("{name}:{at}: `{word}`: {}", ban.rule));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

/// Returns the rooms that a line of code names, each by the word behind `crate::`.
fn rooms_named(line: &str) -> impl Iterator<Item = &str> {
    line.split("crate::")
        .skip(1)
        .map(|rest| rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_'))
        .filter_map(|mut words| words.next())
}

#[test]
fn no_room_names_one_above_it() {
    let mut broken = Vec::new();
    for path in files(&root().join("src"), "rs") {
        let name = name_of(&path);
        let text = fs::read_to_string(&path).unwrap();
        let layers = LAYERS.iter().filter(|(rooms, _)| rooms.iter().any(|room| is_under(&name, room)));
        for (_, above) in layers {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
            for (at, line) in lines {
                // An empty word is a list of rooms in braces, which could hide one.
                for room in rooms_named(line).filter(|room| room.is_empty() || above.contains(room)) {
                    broken.push(format!("{name}:{}: `crate::{room}` is of a layer above", at + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn every_file_is_named_by_its_list() {
    for (folder, list) in LISTS {
        let listed = fs::read_to_string(root().join(list)).unwrap_or_default();
        for path in files(&root().join(folder), "rs") {
            if path.parent() != Some(root().join(folder).as_path()) {
                continue;
            }
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(
                stem == "main" || listed.contains(&format!("mod {stem};")),
                "{} is not named by {list}",
                name_of(&path)
            );
        }
    }
}

#[test]
fn files_are_short_enough_to_read() {
    for path in files(&root().join("src"), "rs") {
        let text = fs::read_to_string(&path).unwrap();
        // Tests at the end do not count; `mod tests;` at the head is one line.
        let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
        let lines = text.get(..end).unwrap().lines().count();
        assert!(lines <= 540, "{} has {lines} lines of code; about 500 are the limit", name_of(&path));
    }
}

#[test]
fn files_open_with_what_they_are_for() {
    for path in files(&root().join("src"), "rs") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not say what it is for", name_of(&path));
        assert_ne!(path.file_name().unwrap(), "mod.rs", "{}", name_of(&path));
    }
}

#[test]
fn every_sql_says_what_it_costs_and_needs() {
    for path in files(&root().join("src/pg/sql"), "sql") {
        let text = fs::read_to_string(&path).unwrap();
        let first = text.lines().next().unwrap_or_default();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(first.starts_with(&format!("-- {stem}; cost: ")), "{}: {first}", name_of(&path));
        assert!(first.contains("; needs ") && first.contains("; since "), "{}: {first}", name_of(&path));
    }
}

/// The list of what `pgdj --print-sql` prints.
const PRINTED: &str = "src/pg/own/list.rs";

#[test]
fn every_statement_of_our_own_is_in_the_list_that_is_printed() {
    let list = fs::read_to_string(root().join(PRINTED)).unwrap();
    let mut broken = Vec::new();
    let mut count = 0;
    for path in files(&root().join("src"), "rs") {
        let (name, text) = (name_of(&path), fs::read_to_string(&path).unwrap());
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        for (at, line) in code_lines(&text).filter(|(_, line)| line.contains("Own {") && !line.starts_with("impl Own"))
        {
            // The type itself, and functions that return one that is in the list.
            if line.starts_with("pub struct Own {") || line.contains("-> &'static Own {") {
                continue;
            }
            let declared = line.split_once("static ").and_then(|(_, rest)| rest.split_once(": Own = Own {"));
            let Some((own, "")) = declared else {
                broken.push(format!("{name}:{at}: an `Own` is declared as `static NAME: Own = Own {{`"));
                continue;
            };
            count += 1;
            let listed = list.split('&').filter_map(|entry| entry.split([',', ']']).next());
            if listed.filter(|entry| *entry == format!("{module}::{own}")).count() != 1 {
                broken.push(format!("{name}:{at}: {module}::{own} is not once in {PRINTED}"));
            }
        }
    }
    assert!(broken.is_empty() && count > 80, "{count}\n{}", broken.join("\n"));
}

#[test]
fn every_probe_is_in_the_list_of_probes() {
    let list = fs::read_to_string(root().join("src/pg/probes.rs")).unwrap();
    for path in files(&root().join("src"), "rs") {
        let (name, text) = (name_of(&path), fs::read_to_string(&path).unwrap());
        for (at, _) in code_lines(&text).filter(|(_, line)| line.contains("Probe = Probe {")) {
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert!(list.contains(&format!("&{stem}::PROBE,")), "{name}:{at} is not in src/pg/probes.rs");
        }
    }
}

#[test]
fn the_top_level_holds_what_a_reader_expects() {
    for entry in fs::read_dir(root()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        assert!(name.starts_with('.') || TOP.contains(&name.as_str()), "{name} does not belong at the top level");
    }
}
