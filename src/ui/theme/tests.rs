use std::fs;

use ratatui::style::Modifier;

use super::depth::NAMED;
use super::*;
use crate::ui::glyphs::ASCII;

/// Roles that are read as text on the screen's background.
const TEXT_ROLES: &[Role] = &[
    Role::Text,
    Role::Muted,
    Role::Title,
    Role::Header,
    Role::Good,
    Role::Warning,
    Role::Bad,
    Role::Accent,
    Role::Key,
    Role::Match,
    Role::SqlKeyword,
    Role::SqlString,
    Role::SqlNumber,
    Role::SqlComment,
    Role::SqlName,
    Role::DiffAdd,
    Role::DiffRemove,
];

/// Roles that are seen as marks and areas.
const MARK_ROLES: &[Role] = &[
    Role::BorderFocus,
    Role::Cpu,
    Role::Io,
    Role::Lock,
    Role::Lwlock,
    Role::Client,
    Role::Ipc,
    Role::Other,
    Role::Bar,
    Role::Spark,
    Role::Faint,
    Role::RampLow,
    Role::RampMiddle,
    Role::RampHigh,
];

/// Roles that bring their own background.
const BADGES: &[Role] = &[Role::Tab, Role::BadgeBad, Role::BadgeWarning, Role::BadgeGood, Role::BadgePlain];

const CLASSES: &[Role] = &[Role::Cpu, Role::Io, Role::Lock, Role::Lwlock, Role::Client, Role::Ipc, Role::Other];

fn load(name: &str, depth: Depth) -> Theme {
    Theme::load(name, None, depth, UNICODE).unwrap_or_else(|error| panic!("{error}"))
}

fn rgb(colour: Option<Color>, default: [u8; 3]) -> [u8; 3] {
    match colour {
        Some(Color::Rgb(red, green, blue)) => [red, green, blue],
        Some(Color::Indexed(_)) => panic!("themes are written in #rrggbb or the sixteen names"),
        None | Some(Color::Reset) => default,
        Some(named) => NAMED.iter().find(|(name, _)| *name == named).unwrap().1,
    }
}

/// Contrast of two colours, 1..=21. Source: WCAG 2.1, "contrast ratio".
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let luminance = |rgb: [u8; 3]| {
        let [red, green, blue] = rgb.map(|value| {
            let share = f64::from(value) / 255.0;
            if share <= 0.03928 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_theme_can_be_read() {
    for (name, _) in BUILT_IN {
        let theme = load(name, Depth::True);
        let (paper, ink) = match theme.shade {
            Shade::Dark => ([0, 0, 0], [229, 229, 229]),
            Shade::Light => ([255, 255, 255], [0, 0, 0]),
        };
        let background = rgb(theme.screen().bg, paper);
        for (roles, least) in [(TEXT_ROLES, 4.5), (MARK_ROLES, 3.0)] {
            for role in roles {
                let found = contrast(rgb(theme.style(*role).fg, ink), background);
                assert!(found >= least, "{name}: {} has contrast {found:.2}, less than {least}", role.name());
            }
        }
        for role in BADGES {
            let style = theme.style(*role);
            let found = contrast(rgb(style.fg, ink), rgb(style.bg, background));
            assert!(found >= 4.5, "{name}: {} has contrast {found:.2}", role.name());
        }
        let selection = theme.style(Role::Selection);
        let (fg, bg) = (rgb(selection.fg, ink), rgb(selection.bg, background));
        if !selection.add_modifier.contains(Modifier::REVERSED) {
            assert!(contrast(fg, bg) >= 4.5, "{name}: selection {:.2}", contrast(fg, bg));
            for role in [Role::Good, Role::Warning, Role::Bad, Role::Match, Role::Muted] {
                let found = contrast(rgb(theme.style(role).fg, ink), bg);
                assert!(found >= 3.0, "{name}: {} on the selection has {found:.2}", role.name());
            }
        }
    }
}

#[test]
fn verdicts_differ_at_every_depth() {
    for (name, _) in BUILT_IN {
        for depth in [Depth::Mono, Depth::Sixteen, Depth::Palette, Depth::True] {
            let theme = load(name, depth);
            let [good, warning, bad] = [Role::Good, Role::Warning, Role::Bad].map(|role| theme.style(role));
            assert!(good != warning && warning != bad && good != bad, "{name} at {depth:?}");
        }
    }
}

#[test]
fn a_ramp_goes_from_low_to_high_with_the_colours_there_are() {
    let theme = load(DEFAULT, Depth::True);
    assert_eq!(theme.ramp(0.0), theme.style(Role::RampLow));
    assert_eq!(theme.ramp(0.5), theme.style(Role::RampMiddle));
    assert_eq!(theme.ramp(7.0), theme.style(Role::RampHigh));
    assert_eq!(theme.ramp(f64::NAN), theme.ramp(0.0));
    assert!(![theme.ramp(0.0), theme.ramp(0.5)].contains(&theme.ramp(0.25)));
    let sixteen = load(DEFAULT, Depth::Sixteen);
    assert_eq!(sixteen.ramp(0.1), sixteen.style(Role::RampLow));
    assert_eq!(sixteen.ramp(0.4), sixteen.style(Role::RampMiddle));
    assert_eq!(load(DEFAULT, Depth::Mono).ramp(0.2), Style::new());
}

#[test]
fn wait_classes_differ_wherever_there_are_colours() {
    for (name, _) in BUILT_IN.iter().filter(|(name, _)| *name != "mono") {
        for depth in [Depth::Sixteen, Depth::Palette, Depth::True] {
            let theme = load(name, depth);
            let mut colours: Vec<_> = CLASSES.iter().map(|role| format!("{:?}", theme.style(*role).fg)).collect();
            colours.sort();
            colours.dedup();
            assert_eq!(colours.len(), CLASSES.len(), "{name} at {depth:?}: {colours:?}");
        }
    }
}

#[test]
fn sixteen_colours_are_the_terminals_own() {
    for (name, _) in BUILT_IN {
        let theme = load(name, Depth::Sixteen);
        for (role, word, _) in ROLES {
            let style = theme.style(*role);
            for colour in [style.fg, style.bg].into_iter().flatten() {
                assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)), "{name}: {word} is {colour}");
            }
        }
    }
}

#[test]
fn without_colour_only_attributes_are_left() {
    let theme = load(DEFAULT, Depth::Mono);
    assert!(theme.is_mono());
    assert!(ROLES.iter().all(|(role, ..)| theme.style(*role).fg.is_none() && theme.style(*role).bg.is_none()));
}

#[test]
fn every_theme_says_every_role() {
    for (name, _) in BUILT_IN {
        let theme = load(name, Depth::True);
        assert!(!theme.about.is_empty() && theme.about.len() <= 48, "{name}");
        for (role, word, _) in ROLES {
            let is_said = *name == "mono" || theme.style(*role).fg.is_some();
            assert!(is_said, "{name} does not say {word}");
            assert_eq!(role.name(), *word);
        }
    }
}

#[test]
fn themes_and_their_files_are_the_same_list() {
    let mut files: Vec<String> =
        fs::read_dir("themes").unwrap().map(|entry| stem(&entry.unwrap().path()).unwrap()).collect();
    let mut listed: Vec<String> = BUILT_IN.iter().map(|(name, _)| (*name).to_owned()).collect();
    files.sort();
    listed.sort();
    assert_eq!(files, listed);
}

#[test]
fn a_users_theme_inherits_and_overrides() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.toml"), "inherits = \"paper\"\n[roles]\ngood = \"#123456\"\n").unwrap();
    let theme = Theme::load("mine", Some(folder.path()), Depth::True, ASCII).unwrap();
    assert_eq!(theme.style(Role::Good).fg, Some(Color::Rgb(0x12, 0x34, 0x56)));
    assert_eq!(theme.style(Role::Bad), load("paper", Depth::True).style(Role::Bad));
    assert_eq!(theme.shade, Shade::Light);
    assert!(names(Some(folder.path())).contains(&"mine".to_owned()));
}

#[test]
fn a_wrong_theme_says_what_is_right() {
    let folder = tempfile::tempdir().unwrap();
    for (text, said) in [
        ("[roles]\ngood = \"grean\"\n", "\"grean\" is not a palette colour"),
        ("[roles]\nokay = \"green\"\n", "unknown role; the roles are text, muted"),
        ("[roles]\ngood = { fg = \"green\", with = [\"blink\"] }\n", "not one of bold, dim"),
        ("inherits = \"wrong\"\n", "inherits itself"),
        ("shade = \"dusk\"\n", "unknown variant"),
    ] {
        fs::write(folder.path().join("wrong.toml"), text).unwrap();
        let error = Theme::load("wrong", Some(folder.path()), Depth::True, UNICODE).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let error = Theme::load("../etc", Some(folder.path()), Depth::True, UNICODE).unwrap_err().to_string();
    assert!(error.contains("the themes are harbor, ember"), "{error}");
}
