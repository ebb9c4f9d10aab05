//! A connection URL, read as libpq does, with the schemes Django people write.
//!
//! Source: PostgreSQL manual 34.1.1.2 "Connection URIs"; fe-connect.c, `conninfo_uri_parse_options`. The other schemes
//! and the parameters that are Django's own: dj-database-url 3 and django-environ 0.12.

use super::SyntaxError;

/// Schemes that mean PostgreSQL: libpq's two, then those of dj-database-url, django-environ and `SQLAlchemy`.
const SCHEMES: &[&str] = &[
    "postgresql",
    "postgres",
    "pgsql",
    "psql",
    "postgis",
    "timescale",
    "timescalegis",
    "postgresql+psycopg",
    "postgresql+psycopg2",
    "postgresql+asyncpg",
];

/// Parameters of a `DATABASE_URL` that Django, not the server, is told.
const DJANGO_ONLY: &[&str] = &[
    "conn_max_age",
    "conn_health_checks",
    "atomic_requests",
    "autocommit",
    "disable_server_side_cursors",
    "engine",
    "test",
    "test_name",
    "time_zone",
    "pool",
    "cursor_factory",
    "isolation_level",
    "assume_role",
    "server_side_binding",
    "prepare_threshold",
];

/// Returns the scheme of a text that is meant as a URL.
pub(super) fn scheme(text: &str) -> Option<&str> {
    text.split_once("://").map(|(scheme, _)| scheme).filter(|scheme| {
        !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// Splits a URL into connection parameters, in order, without judging their names.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, SyntaxError> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(SyntaxError::new("it is not a URL"));
    };
    if !SCHEMES.contains(&scheme.to_lowercase().as_str()) {
        let what = format!("\"{scheme}://\" is not an address of PostgreSQL");
        return Err(SyntaxError::new(what).hint("a PostgreSQL URL is written postgres://USER@HOST:PORT/DATABASE"));
    }
    let mut pairs = Vec::new();
    let (userinfo, rest) = split_userinfo(rest);
    if let Some(userinfo) = userinfo {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        push_decoded(&mut pairs, "user", user)?;
        push_decoded(&mut pairs, "password", password)?;
    }
    let (netloc, rest) = split_netloc(rest)?;
    push_netloc(&mut pairs, netloc)?;
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    let database = path.strip_prefix('/').unwrap_or(path);
    // A password that holds an unescaped slash ends the authority too early, and would turn up as host and database.
    if userinfo.is_none() && database.contains('@') {
        return Err(unescaped());
    }
    push_decoded(&mut pairs, "dbname", database)?;
    push_query(&mut pairs, query.unwrap_or_default())?;
    Ok(pairs)
}

/// Splits off `user:password` if an `@` comes before the first `/`.
fn split_userinfo(rest: &str) -> (Option<&str>, &str) {
    match rest.find(['@', '/']).and_then(|at| Some((rest.get(..at)?, rest.get(at..)?.strip_prefix('@')?))) {
        Some((userinfo, rest)) => (Some(userinfo), rest),
        None => (None, rest),
    }
}

fn split_netloc(rest: &str) -> Result<(&str, &str), SyntaxError> {
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (netloc, rest) = rest.split_at(end);
    if netloc.contains('@') {
        return Err(unescaped());
    }
    Ok((netloc, rest))
}

fn unescaped() -> SyntaxError {
    SyntaxError::new("an \"@\" or \"/\" stands where only a host or a database can")
        .hint("in a user name or password write @ as %40, / as %2F, : as %3A and % as %25")
}

fn push_netloc(pairs: &mut Vec<(String, String)>, netloc: &str) -> Result<(), SyntaxError> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for one in netloc.split(',') {
        let (host, port) = host_and_port(one)?;
        hosts.push(decode(host)?);
        ports.push(decode(port)?);
    }
    if hosts.iter().any(|host| !host.is_empty()) || hosts.len() > 1 {
        pairs.push(("host".to_owned(), hosts.join(",")));
    }
    if ports.iter().any(|port| !port.is_empty()) {
        pairs.push(("port".to_owned(), ports.join(",")));
    }
    Ok(())
}

fn host_and_port(text: &str) -> Result<(&str, &str), SyntaxError> {
    let Some(inner) = text.strip_prefix('[') else {
        let (host, port) = text.split_once(':').unwrap_or((text, ""));
        if port.contains(':') {
            return Err(SyntaxError::new("a host has more than one \":\"")
                .hint("an IPv6 address is written in brackets: postgres://[::1]:5432/shop"));
        }
        return Ok((host, port));
    };
    let Some((host, after)) = inner.split_once(']') else {
        return Err(SyntaxError::new("an IPv6 address has no closing \"]\""));
    };
    if host.is_empty() {
        return Err(SyntaxError::new("the IPv6 address between [ and ] is empty"));
    }
    match after.strip_prefix(':') {
        Some(port) => Ok((host, port)),
        None if after.is_empty() => Ok((host, "")),
        None => Err(SyntaxError::new("after the \"]\" of an IPv6 address comes \":\" and the port, or nothing")),
    }
}

fn push_query(pairs: &mut Vec<(String, String)>, query: &str) -> Result<(), SyntaxError> {
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let Some((key, value)) = parameter.split_once('=') else {
            return Err(SyntaxError::new("a parameter after the \"?\" has no \"=\""));
        };
        if value.contains('=') {
            return Err(SyntaxError::new("a parameter after the \"?\" has two \"=\"").hint("write = as %3D in a value"));
        }
        let (key, value) = (decode(key)?, decode(value)?);
        match (key.to_lowercase().as_str(), value.as_str()) {
            // JDBC's and Heroku's ways to say it; libpq takes the first.
            ("ssl" | "ssl_require", "true" | "True" | "1") => pairs.push(("sslmode".to_owned(), "require".to_owned())),
            ("ssl_require", _) => {}
            // JDBC's; dj-database-url turns it into the same option.
            ("currentschema", schema) => {
                let schema = schema.replace('\\', "\\\\").replace(' ', "\\ ");
                pairs.push(("options".to_owned(), format!("-csearch_path={schema}")));
            }
            (name, _) if DJANGO_ONLY.contains(&name) => {}
            _ => pairs.push((key, value)),
        }
    }
    Ok(())
}

/// Adds a part of the URL unless it is empty, as libpq does.
fn push_decoded(pairs: &mut Vec<(String, String)>, key: &str, text: &str) -> Result<(), SyntaxError> {
    if !text.is_empty() {
        pairs.push((key.to_owned(), decode(text)?));
    }
    Ok(())
}

/// Decodes %XX. What cannot be decoded is not quoted in the message: it may be part of a password.
fn decode(text: &str) -> Result<String, SyntaxError> {
    let wrong = || {
        SyntaxError::new("a \"%\" is not followed by two hexadecimal digits that stand for a letter")
            .hint("write a literal % as %25")
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else { return Err(wrong()) };
        match u8::try_from(high * 16 + low) {
            Ok(byte) if byte != 0 => bytes.push(byte),
            _ => return Err(wrong()),
        }
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(_not_utf8) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{parse, scheme};

    /// Encodes everything but letters, digits and `-._~`.
    fn encode(text: &str) -> String {
        let mut encoded = String::with_capacity(text.len());
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
                other => encoded.extend(format!("%{other:02X}").chars()),
            }
        }
        encoded
    }

    /// The parts as `key=value` words.
    fn check(text: &str, expected: &str) {
        let words: Vec<String> =
            parse(text).unwrap_or_else(|e| panic!("{text}: {e}")).iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(words.join(" "), expected, "{text}");
    }

    #[test]
    fn the_examples_of_the_manual_are_understood() {
        check("postgresql://", "");
        check("postgresql://localhost", "host=localhost");
        check("postgresql://localhost:5433", "host=localhost port=5433");
        check("postgresql://localhost/mydb", "host=localhost dbname=mydb");
        check("postgresql://user@localhost", "user=user host=localhost");
        check("postgresql://user:secret@localhost", "user=user password=secret host=localhost");
        check(
            "postgresql://other@localhost/otherdb?connect_timeout=10&application_name=myapp",
            "user=other host=localhost dbname=otherdb connect_timeout=10 application_name=myapp",
        );
        check(
            "postgresql://host1:123,host2:456/somedb?target_session_attrs=any&application_name=myapp",
            "host=host1,host2 port=123,456 dbname=somedb target_session_attrs=any application_name=myapp",
        );
        check("postgresql:///mydb?host=localhost&port=5433", "dbname=mydb host=localhost port=5433");
        check("postgresql://[2001:db8::1234]/database", "host=2001:db8::1234 dbname=database");
        check("postgresql://%2Fvar%2Flib%2Fpostgresql/dbname", "host=/var/lib/postgresql dbname=dbname");
    }

    // From PostgreSQL's own tests: src/interfaces/libpq/t/001_uri.pl.
    #[test]
    fn the_cases_of_libpqs_own_tests_are_understood() {
        check(
            "postgresql://uri-user:secret@host:12345/db",
            "user=uri-user password=secret host=host port=12345 dbname=db",
        );
        check("postgresql://uri-user@host:12345/", "user=uri-user host=host port=12345");
        check("postgresql://host/db?u%73er=uri-user", "host=host dbname=db user=uri-user");
        check("postgresql:///", "");
        check("postgres://host/", "host=host");
        check("postgres://host?uzer=", "host=host uzer=");
        check("postgresql://:12345/db", "port=12345 dbname=db");
        check("postgresql://[::1]:12345/db", "host=::1 port=12345 dbname=db");
        check("postgresql://[2001:db8::1234]?user=x", "host=2001:db8::1234 user=x");
        check("postgres://otheruser@?host=/no/such/directory", "user=otheruser host=/no/such/directory");
        check("postgres://:12345?host=/no/such/socket/path", "port=12345 host=/no/such/socket/path");
        check("postgresql://host1,host2,host3/", "host=host1,host2,host3");
        check("postgresql://h1,,h3:5/", "host=h1,,h3 port=,,5");
        check("postgres://@host", "host=host");
        check("postgres://:@host/", "host=host");
    }

    #[test]
    fn what_django_people_write_is_understood() {
        check("postgis://app:p%40ss@db/shop", "user=app password=p@ss host=db dbname=shop");
        check(
            "psql://db/shop?conn_max_age=600&CONN_HEALTH_CHECKS=True&sslmode=require",
            "host=db dbname=shop sslmode=require",
        );
        check("postgres://db/shop?ssl=true", "host=db dbname=shop sslmode=require");
        check(
            "postgres://db/shop?currentSchema=tenant%2Cpublic",
            "host=db dbname=shop options=-csearch_path=tenant,public",
        );
        check("postgres://u:p#ss@db/shop", "user=u password=p#ss host=db dbname=shop");
        check("postgres://u:p:w@db/shop", "user=u password=p:w host=db dbname=shop");
        assert_eq!(scheme("mysql://x"), Some("mysql"));
        assert_eq!(scheme("host=a://b"), None);
    }

    #[test]
    fn a_mistake_is_told_and_never_quotes_what_may_be_a_password() {
        let check = |text: &str, expected: &str| {
            let error = parse(text).unwrap_err();
            assert!(error.what.contains(expected), "{text}: {}", error.what);
            let all = format!("{error:?}{error}");
            assert!(!all.contains("s3cr"), "{text}: {all}");
        };
        check("mysql://u:s3cr@db/shop", "\"mysql://\" is not an address of PostgreSQL");
        check("postgres://u:s3cr%zz@db/shop", "not followed by two hexadecimal digits");
        check("postgres://u:s3cr%00@db/shop", "not followed by two hexadecimal digits");
        check("postgres://u:s3cr%C3@db/shop", "not followed by two hexadecimal digits");
        check("postgres://u:p@s3cr@db/shop", "an \"@\" or \"/\"");
        check("postgres://u:1/s3cr@db/shop", "an \"@\" or \"/\"");
        check("postgres://[::1/shop", "no closing \"]\"");
        check("postgres://[]/shop", "is empty");
        check("postgres://[::1]x/shop", "after the \"]\"");
        check("postgres://::1/shop", "more than one \":\"");
        check("postgres://db?sslmode", "has no \"=\"");
        check("postgres://db?a=b=c", "has two \"=\"");
    }

    proptest! {
        #[test]
        fn what_is_encoded_reads_back(user in "\\PC+", password in "\\PC+", database in "\\PC+", value in "\\PC*") {
            prop_assume!([&user, &password, &database, &value].iter().all(|part| !part.contains('\0')));
            let (u, p, d, v) = (encode(&user), encode(&password), encode(&database), encode(&value));
            let parsed = parse(&format!("postgres://{u}:{p}@db:5433/{d}?options={v}")).unwrap();
            let value_of = |key: &str| parsed.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
            prop_assert_eq!(value_of("user"), Some(user));
            prop_assert_eq!(value_of("password"), Some(password));
            prop_assert_eq!(value_of("dbname"), Some(database));
            prop_assert_eq!(value_of("options"), Some(value));
        }

        #[test]
        fn no_text_makes_it_fall(text in "\\PC*") {
            drop(parse(&format!("postgres://{text}")));
        }
    }
}
