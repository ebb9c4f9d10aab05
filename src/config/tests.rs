use std::path::PathBuf;
use std::time::Duration;

use super::{Config, ConfigFlags, DEFAULT_TOML, SETTINGS};
use crate::pg::address::{Environment, Files};

const PATH: &str = "/h/.config/pgdj/config.toml";

fn environment(text: &str, mode: u32, vars: &[(&str, &str)]) -> Environment {
    Environment {
        vars: vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        home: Some(PathBuf::from("/h")),
        user: None,
        files: Files::Given([(PathBuf::from(PATH), (text.to_owned(), mode))].into()),
    }
}

fn load(text: &str, vars: &[(&str, &str)], flags: &ConfigFlags<'_>) -> Result<Config, String> {
    Config::load(flags, &environment(text, 0o600, vars))
        .map_err(|error| format!("{error} | {}", error.hint().unwrap_or_default()))
}

#[test]
fn the_commented_defaults_are_the_ones_in_force() {
    let mut blank = Config {
        theme: String::new(),
        colour: String::new(),
        glyphs: String::new(),
        pace: Duration::ZERO,
        history_mb: 0,
        has_mouse: false,
        is_read_only: true,
        budget_ms: 0.0,
        pane: String::new(),
        ..Config::default()
    };
    let environment = environment(DEFAULT_TOML, 0o600, &[]);
    let file = super::file::read(None, Some(std::path::Path::new("/h/.config/pgdj")), &environment).unwrap();
    let themes = crate::ui::theme::names(None);
    for given in &file.settings {
        blank.apply(given, &themes).unwrap();
    }
    assert_eq!(blank, Config::default());
    assert_eq!(file.settings.len(), SETTINGS.len(), "every setting is written once");
    for setting in SETTINGS {
        let line = format!("\n{} = ", setting.name);
        let before = DEFAULT_TOML.split(&line).next().unwrap();
        assert!(before.lines().last().unwrap().starts_with("# "), "{} has no comment", setting.name);
    }
    assert!(SETTINGS.len() <= 25);
}

#[test]
fn the_example_target_of_the_defaults_is_right() {
    let example: Vec<&str> = DEFAULT_TOML.split("# [targets.prod]").nth(1).unwrap().lines().collect();
    let example = example.iter().map(|line| line.trim_start_matches("# ")).collect::<Vec<_>>().join("\n");
    let config =
        load(&format!("[targets.prod]{example}"), &[], &ConfigFlags { target: Some("prod"), ..ConfigFlags::default() })
            .unwrap();
    assert!(config.is_read_only && config.theme == "ember" && config.pace == Duration::from_secs(5));
    assert_eq!(config.aliases[0].name, "prod");
}

#[test]
fn flags_win_over_the_target_over_the_environment_over_the_file() {
    let text = "pace = 3\ntheme = \"frost\"\n[targets.prod]\nhost = \"db\"\npace = 5\n";
    let pace = |vars: &[(&str, &str)], flags: &ConfigFlags<'_>| load(text, vars, flags).unwrap().pace.as_secs();
    let vars = [("PGDJ_PACE", "4")];
    let prod = ConfigFlags { target: Some("prod"), ..ConfigFlags::default() };
    let given = [("--pace", "pace", "6".to_owned())];
    assert_eq!(pace(&[], &ConfigFlags::default()), 3);
    assert_eq!(pace(&vars, &ConfigFlags::default()), 4);
    assert_eq!(pace(&vars, &prod), 5);
    assert_eq!(pace(&vars, &ConfigFlags { given: &given, ..prod }), 6);
    assert_eq!(load("", &[], &ConfigFlags::default()).unwrap().pace, Config::default().pace);
    assert_eq!(load(text, &[], &prod).unwrap().theme, "frost");
}

#[test]
fn a_mistake_says_file_line_and_the_valid_words() {
    let check = |text: &str, expected: &str| {
        let error = load(text, &[], &ConfigFlags::default()).map(|_| ()).unwrap_err();
        assert!(error.starts_with(&format!("{PATH}:{expected}")), "{text}: {error}");
    };
    check("\n\ntheme = \"frst\"", "3: invalid value \"frst\" for theme | did you mean \"frost\"? valid: ");
    check("pace = 0.1", "1: invalid value 0.1 for pace | valid: a number from 0.5 to 60");
    check("pace = \"2\"", "1: invalid value \"2\" for pace | valid: a number");
    check("history_mb = 1.5", "1: invalid value 1.5 for history_mb | valid: a whole number from 1 to 4096");
    check("mouse = 1", "1: invalid value 1 for mouse | valid: true, false");
    check("pane = []", "1: invalid value that for pane | valid: overview, ");
    for no_pane in ["none", "nowhere", "elsewhere"] {
        check(
            &format!("pane = \"{no_pane}\""),
            &format!("1: invalid value \"{no_pane}\" for pane | valid: overview, "),
        );
    }
    check("# x\npcae = 2", "2: unknown setting \"pcae\" | did you mean \"pace\"?");
    check("zzzzz = 2", "1: unknown setting \"zzzzz\" | valid: theme, colour, ");
    check("[server]\nhost = 1", "1: unknown setting \"server\"");
    check("targets = 3", "1: targets are written as sections: [targets.NAME]");
    check("[targets]\nprod = 3", "2: targets are written as sections: [targets.NAME]");
    check("[targets.p]\nhots = \"a\"", "2: unknown setting \"hots\" | did you mean \"host\"?");
    check("[targets.p]\nread_onyl = true", "2: unknown setting \"read_onyl\" | did you mean \"read_only\"?");
    check("[targets.p]\nhost = true", "2: host is written as text in quotes");
    check("[targets.p]\n\npace = 99", "3: invalid value 99 for pace");
    check("theme = \"frost\"\npace = = 2", "2: ");
    check("theme = \"frost", "1: ");
    check("theme = \"frost\"\npace =", "2: pace has no value");
}

#[test]
fn a_wrong_variable_or_flag_is_named() {
    let vars = [("PGDJ_THEME", "frst")];
    assert!(load("", &vars, &ConfigFlags::default()).unwrap_err().starts_with("invalid value \"frst\" for PGDJ_THEME"));
    let given = [("--pace", "pace", "soon".to_owned())];
    let flags = ConfigFlags { given: &given, ..ConfigFlags::default() };
    assert!(load("", &[], &flags).unwrap_err().starts_with("invalid value \"soon\" for --pace"));
    let config = load("", &[("PGDJ_THEEM", "x"), ("PGDJ_SOMETHING_ELSE", "x")], &ConfigFlags::default()).unwrap();
    assert_eq!(config.warnings, ["PGDJ_THEEM is not a setting; did you mean PGDJ_THEME?"]);
    assert!(!load("", &[("PGDJ_MOUSE", "off")], &ConfigFlags::default()).unwrap().has_mouse);
}

#[test]
fn a_named_file_must_exist_and_the_usual_one_need_not() {
    let named = ConfigFlags { file: Some(std::path::Path::new("/none.toml")), ..ConfigFlags::default() };
    assert!(load("", &[], &named).unwrap_err().starts_with("cannot read the settings in /none.toml"));
    assert!(load("", &[("PGDJ_CONFIG", "~/none")], &ConfigFlags::default()).unwrap_err().contains("/h/none"));
    assert!(load("pace = 9", &[("XDG_CONFIG_HOME", "/elsewhere")], &ConfigFlags::default()).is_ok());
    assert_eq!(
        load("pace = 9", &[("XDG_CONFIG_HOME", "relative")], &ConfigFlags::default()).unwrap().pace.as_secs(),
        9
    );
}

#[test]
fn a_password_others_may_read_is_warned_of_and_never_shown() {
    for (text, is_warned) in [
        ("[targets.p]\npassword = \"s3cret\"", true),
        ("[targets.p]\nurl = \"postgres://u:s3cret@h/d\"", true),
        ("[targets.p]\nurl = \"postgres://u@h/d?options=a:s3cret\"", false),
    ] {
        let config = Config::load(&ConfigFlags::default(), &environment(text, 0o644, &[])).unwrap();
        assert_eq!(!config.warnings.is_empty(), is_warned, "{text}");
        assert!(!format!("{config:?}").contains("s3cret"), "{text}");
        assert!(load(text, &[], &ConfigFlags::default()).unwrap().warnings.is_empty(), "{text}");
    }
}
