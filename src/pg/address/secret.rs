//! Texts that may hold a password: told from names, and shown without it.

use super::conninfo;
use crate::sample::redact::MASK;

/// Whether a text may hold a password: it is more than a name.
///
/// `app:secret@db1/shop` is a URL whose scheme was forgotten, so neither `:` nor `@` may stand in what is quoted.
pub fn may_hold_password(text: &str) -> bool {
    text.contains(['=', '@', ':'])
}

/// Returns a text with its password masked, or `None` if it has none. In doubt it masks too much.
pub fn masked(text: &str) -> Option<String> {
    let (scheme, rest) = text.find("://").map_or(("", text), |at| text.split_at(at + 3));
    if let Some((userinfo, place)) = rest.rsplit_once('@')
        && (!scheme.is_empty() || !userinfo.contains('='))
    {
        let user = userinfo.split_once(':').map(|(user, _)| user);
        let (path, query) = place.split_once('?').map_or((place, None), |(path, query)| (path, Some(query)));
        let is_secret = |query: &str| query.contains('%') || query.to_ascii_lowercase().contains("pass");
        if user.is_none() && !query.is_some_and(is_secret) {
            return None;
        }
        let user = user.map_or_else(|| userinfo.to_owned(), |user| format!("{user}:{MASK}"));
        let query = query.map(|query| format!("?{}", if is_secret(query) { MASK } else { query }));
        return Some(format!("{scheme}{user}@{path}{}", query.unwrap_or_default()));
    }
    if !text.to_ascii_lowercase().contains("pass") || !text.contains('=') {
        return None;
    }
    if !scheme.is_empty() {
        return Some(format!("{}?{MASK}", text.split('?').next().unwrap_or_default()));
    }
    let Ok(pairs) = conninfo::parse(text) else { return Some(MASK.to_owned()) };
    let is_secret = |text: &str| text.to_ascii_lowercase().contains("pass");
    let pair = |(key, value): (String, String)| {
        let value = if is_secret(&key) || is_secret(&value) { MASK } else { value.as_str() };
        format!("{key}={value}")
    };
    Some(pairs.into_iter().map(pair).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn a_password_is_masked_and_the_place_stays() {
        for (text, expected) in [
            ("postgres://app:secret@db1/shop", Some("postgres://app:[redacted]@db1/shop")),
            (
                "postgres://app:se@cr/et@db1/shop?sslmode=require",
                Some("postgres://app:[redacted]@db1/shop?sslmode=require"),
            ),
            ("postgres://db1/shop?user=a&password=secret", Some("postgres://db1/shop?[redacted]")),
            ("postgres://app@db1/shop?password=secret", Some("postgres://app@db1/shop?[redacted]")),
            ("app:secret@db1/shop", Some("app:[redacted]@db1/shop")),
            ("--dbname=postgres://app:secret@db1/shop", Some("--dbname=postgres://app:[redacted]@db1/shop")),
            ("host=db1 password=secret dbname=shop", Some("host=db1 password=[redacted] dbname=shop")),
            ("host=db1 password='se cr=et' user=a@b", Some("host=db1 password=[redacted] user=a@b")),
            ("-dpassword=secret", Some("-dpassword=[redacted]")),
            ("--dbname=password=secret", Some("--dbname=[redacted]")),
            ("host=db1 password='secret", Some("[redacted]")),
            ("host=db1 user=app", None),
            ("postgres://app@db1:5432/shop?sslmode=require", None),
            ("prod", None),
            ("query.sql", None),
        ] {
            assert_eq!(masked(text).as_deref(), expected, "{text}");
        }
    }
}
