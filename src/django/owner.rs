//! The model that owns a table, and how sure that is.

use crate::quote::is_unprintable;

/// How sure it is that a table belongs to a model; each guess with its reason, a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certainty {
    /// No model can be told: only the SQL is of use.
    Unknown,
    /// The content types are not known: the table's name is all there is.
    Supposed(String),
    /// A content type has nearly this name; the model then has a `db_table` of its own.
    Guessed(String),
    /// The name follows Django's rules for tables, but no content type says so.
    Likely(String),
    /// A content type of this app and model has this table as its default one.
    Certain,
    /// The project's source says so.
    Declared,
}

impl Certainty {
    /// Returns it as a clause for a person: what confirms the model, or "probably" and why.
    pub fn words(&self) -> String {
        match self {
            Self::Unknown => "no model was found for the table: use the SQL".to_owned(),
            Self::Supposed(why) | Self::Guessed(why) | Self::Likely(why) => format!("probably: {why}"),
            Self::Certain => "model confirmed by django_content_type".to_owned(),
            Self::Declared => "model declared in the project's source".to_owned(),
        }
    }

    /// Says whether it is more than a guess.
    pub fn is_confirmed(&self) -> bool {
        matches!(self, Self::Certain | Self::Declared)
    }
}

/// The model that owns a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The app's label.
    pub app: String,
    /// The model's name in lower case, as migrations have it.
    pub model: String,
    /// The many-to-many field whose table it is: then there is no `Meta` to declare an index in.
    pub through: Option<String>,
    /// How sure this is.
    pub certainty: Certainty,
}

impl Owner {
    pub(super) fn of(app: &str, model: &str, certainty: Certainty) -> Self {
        Self { app: app.to_owned(), model: model.to_owned(), through: None, certainty }
    }

    /// Returns `shop.order`, the model's `_meta.label_lower`; `shop.order.tags` for the table of a many-to-many field.
    pub fn label(&self) -> String {
        let through = self.through.as_ref().map(|field| format!(".{field}")).unwrap_or_default();
        format!("{}.{}{through}", self.app, self.model)
    }

    /// Returns the label as it is shown: with "probably" before a guess.
    pub fn shown(&self) -> String {
        if self.certainty.is_confirmed() { self.label() } else { format!("probably {}", self.label()) }
    }

    /// Returns the label for a narrow column: with `?` after a guess.
    pub fn short(&self) -> String {
        format!("{}{}", self.label(), if self.certainty.is_confirmed() { "" } else { "?" })
    }

    /// Says whether the app comes with Django: its migrations are not the project's to write.
    ///
    /// Source: `django/contrib`, the apps that have models.
    pub fn is_of_django(&self) -> bool {
        matches!(
            self.app.as_str(),
            "admin" | "auth" | "contenttypes" | "flatpages" | "redirects" | "sessions" | "sites"
        )
    }
}

/// Says whether a name can be a Python identifier; these become parts of paths and comments.
pub(super) fn is_identifier(name: &str) -> bool {
    name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
        && name.chars().all(|letter| (letter.is_alphanumeric() || letter == '_') && !is_unprintable(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_that_is_not_seen_is_in_no_identifier() {
        for name in ["shop", "_a1", "größe", "注文"] {
            assert!(is_identifier(name), "{name:?}");
        }
        for name in ["", "1a", "a b", "a\u{3164}b", "\u{115f}", "a\u{ffa0}", "\u{1160}x", "a\u{200b}", "a\u{9b}"] {
            assert!(!is_identifier(name), "{name:?}");
        }
    }
}
