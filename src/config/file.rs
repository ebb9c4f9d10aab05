//! The user's file: settings, and aliases under `[targets.NAME]`.

use std::io;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{ConfigError, GivenSetting, OF_TARGETS, RawSetting, SettingSource};
use crate::pg::address::{Alias, Environment, Files, SeenFile, nearest, parameter_names};

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct FileSettings {
    /// The settings at the top.
    pub(super) settings: Vec<GivenSetting>,
    /// The aliases.
    pub(super) aliases: Vec<Alias>,
    /// The settings of targets, with the target's name.
    pub(super) targets: Vec<(String, GivenSetting)>,
    /// What is doubtful.
    pub(super) warnings: Vec<String>,
}

/// Reads the file that was named, else the one in the user's folder if there is one.
pub(super) fn read(
    named: Option<&Path>,
    folder: Option<&Path>,
    environment: &Environment,
) -> Result<FileSettings, ConfigError> {
    let named =
        named.map(Path::to_owned).or_else(|| environment.var("PGDJ_CONFIG").map(|path| environment.expand(path)));
    let (path, must_exist) = match (named, folder) {
        (Some(path), _) => (path, true),
        (None, Some(folder)) => (folder.join("config.toml"), false),
        (None, None) => return Ok(FileSettings::default()),
    };
    match read_file(&environment.files, &path) {
        Ok(seen) => ConfigReader { text: &seen.text, path: &path }.settings(seen.mode),
        Err(cause) if !must_exist && cause.kind() == io::ErrorKind::NotFound => Ok(FileSettings::default()),
        Err(cause) => Err(ConfigError::Unreadable { path, cause }),
    }
}

fn read_file(files: &Files, path: &Path) -> io::Result<SeenFile> {
    let seen = files.read(path)?;
    if seen.is_plain { Ok(seen) } else { Err(io::Error::other("it is not a regular file")) }
}

struct ConfigReader<'a> {
    text: &'a str,
    path: &'a PathBuf,
}

impl ConfigReader<'_> {
    fn settings(&self, mode: u32) -> Result<FileSettings, ConfigError> {
        let table = DeTable::parse(self.text).map_err(|error| {
            let line = self.line(error.span().unwrap_or_default().start);
            let written = self.text.lines().nth(line.saturating_sub(1)).and_then(|text| text.split_once('='));
            match written {
                Some((name, value)) if value.trim().is_empty() => {
                    self.wrong(line, format!("{} has no value", name.trim()))
                }
                _ => self.wrong(line, error.message().trim().replace('\n', ", ")),
            }
        })?;
        let mut file = FileSettings::default();
        for (key, value) in table.get_ref() {
            if key.get_ref() == "targets" {
                self.targets(value, &mut file)?;
            } else {
                file.settings.push(self.given(key, value));
            }
        }
        let has_password = file.aliases.iter().any(holds_password);
        if has_password && mode & 0o077 != 0 {
            let path = self.path.display();
            file.warnings
                .push(format!("{path} holds a password and others may read it (mode {mode:04o}): chmod 0600 {path}"));
        }
        Ok(file)
    }

    fn targets(&self, value: &Spanned<DeValue<'_>>, file: &mut FileSettings) -> Result<(), ConfigError> {
        let wrong =
            |offset| self.wrong(self.line(offset), "targets are written as sections: [targets.NAME]".to_owned());
        let DeValue::Table(targets) = value.get_ref() else { return Err(wrong(value.span().start)) };
        for (name, value) in targets {
            let DeValue::Table(target) = value.get_ref() else { return Err(wrong(name.span().start)) };
            let mut parameters = Vec::new();
            for (key, value) in target {
                if OF_TARGETS.contains(&key.get_ref().as_ref()) {
                    file.targets.push((name.get_ref().to_string(), self.given(key, value)));
                } else {
                    parameters.push(self.parameter(key, value)?);
                }
            }
            let name = name.get_ref().to_string();
            file.aliases.push(Alias { name, parameters, file: self.path.clone() });
        }
        Ok(())
    }

    fn parameter(
        &self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(String, String, usize), ConfigError> {
        let line = self.line(key.span().start);
        let name = key.get_ref().to_string();
        let known = || parameter_names().chain(OF_TARGETS.iter().copied()).chain(["url"]);
        if !known().any(|known| known == name) {
            return Err(ConfigError::UnknownKey {
                origin: SettingSource::File { path: self.path.clone(), line },
                near: nearest(&name, known()).map(str::to_owned),
                word: name,
                valid: format!("url, {}, and libpq's connection parameters", OF_TARGETS.join(", ")),
            });
        }
        match value.get_ref() {
            DeValue::String(text) => Ok((name, text.to_string(), line)),
            DeValue::Integer(number) => Ok((name, number.to_string(), line)),
            // The value is not quoted: it may be a password.
            _ => Err(self.wrong(line, format!("{name} is written as text in quotes"))),
        }
    }

    fn given(&self, key: &Spanned<std::borrow::Cow<'_, str>>, value: &Spanned<DeValue<'_>>) -> GivenSetting {
        let raw = match value.get_ref() {
            DeValue::String(text) => RawSetting::String(text.to_string()),
            DeValue::Integer(number) => number.to_string().parse().map_or(RawSetting::Other, RawSetting::Number),
            DeValue::Float(number) => number.to_string().parse().map_or(RawSetting::Other, RawSetting::Number),
            DeValue::Boolean(is_on) => RawSetting::Flag(*is_on),
            _ => RawSetting::Other,
        };
        let source = SettingSource::File { path: self.path.clone(), line: self.line(key.span().start) };
        GivenSetting { name: key.get_ref().to_string(), raw, source }
    }

    fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
    }

    fn wrong(&self, line: usize, what: String) -> ConfigError {
        ConfigError::Syntax { path: self.path.clone(), line, what }
    }
}

fn holds_password(alias: &Alias) -> bool {
    alias.parameters.iter().any(|(name, value, _)| {
        let authority = value.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next());
        name == "password"
            || (name == "url" && authority.and_then(|a| a.split_once('@')).is_some_and(|(u, _)| u.contains(':')))
    })
}
