//! From what was given in many places to one address.

use std::fmt;
use std::path::PathBuf;

use super::keywords::{self, KEYWORDS, Keyword, Use};
use super::secret::may_hold_password;
use super::values::{Values, bad_value};
use super::{
    Address, AddressError, Environment, GivenParameter, ParameterOrigin, Prompt, conninfo, nearest, service, url,
};

/// Variables that say where to connect; with one of them set, `DATABASE_URL` is not looked at.
const PLACES: [&str; 4] = ["PGSERVICE", "PGHOST", "PGHOSTADDR", "PGDATABASE"];

/// What the command line and the config file say.
#[derive(Clone, Copy, Default)]
pub struct AddressRequest<'a> {
    /// URL, conninfo, service or alias.
    pub target: Option<&'a str>,
    /// psql's flags.
    pub flags: ConnectionFlags<'a>,
    /// When to ask for a password.
    pub prompt: Prompt,
    /// The config file's aliases.
    pub aliases: &'a [Alias],
}

impl fmt::Debug for AddressRequest<'_> {
    /// Leaves TARGET out: it may be a URL with a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("flags", &self.flags)
            .field("prompt", &self.prompt)
            .field("aliases", &self.aliases)
            .finish_non_exhaustive()
    }
}

/// psql's flags, which win over everything else.
#[derive(Clone, Copy, Default)]
pub struct ConnectionFlags<'a> {
    /// `-h`.
    pub host: Option<&'a str>,
    /// `-p`.
    pub port: Option<&'a str>,
    /// `-U`.
    pub user: Option<&'a str>,
    /// `-d`: a name, or a URL or conninfo as with psql.
    pub database: Option<&'a str>,
}

impl fmt::Debug for ConnectionFlags<'_> {
    /// Leaves `-d` out: it may be a URL with a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flags")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// A name in the config file that stands for an address.
#[derive(Clone, PartialEq, Eq)]
pub struct Alias {
    /// The name.
    pub name: String,
    /// Connection parameters by libpq's names, and `url`; each with the line it is written in.
    pub parameters: Vec<(String, String, usize)>,
    /// The config file.
    pub file: PathBuf,
}

impl fmt::Debug for Alias {
    /// Leaves the values out: there may be a password among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.parameters.iter().map(|(name, ..)| name.as_str()).collect();
        write!(f, "Alias({} in {}: {})", self.name, self.file.display(), names.join(" "))
    }
}

/// Finds out where to connect.
pub fn resolve(request: &AddressRequest<'_>, environment: &Environment) -> Result<Address, AddressError> {
    let (target, alias) = target_layer(request, environment)?;
    if let Some((flag, _)) = address_in_a_flag(&request.flags) {
        return Err(AddressError::NotAnAddress { origin: ParameterOrigin::Flag(flag) });
    }
    let mut values = Values::default();
    values.add_weaker(flag_layer(&request.flags));
    values.add_weaker(target);
    let named_file = values.text("servicefile").map(str::to_owned);
    let service = values.text("service").or_else(|| environment.var("PGSERVICE")).map(str::to_owned);
    if let Some(name) = service {
        values.add_weaker(service::find(&name, named_file.as_deref(), environment)?);
    }
    values.add_weaker(environment_layer(environment));
    for given in values.all() {
        judge(given)?;
    }
    let mut address = values.address(environment)?;
    address.prompt = request.prompt;
    address.alias = alias;
    Ok(address)
}

/// Whether nothing at all says where to connect: the local server is meant, if there is one.
pub fn is_left_open(request: &AddressRequest<'_>, environment: &Environment) -> bool {
    let flags = &request.flags;
    let has_flag = flags.host.or(flags.port).or(flags.user).or(flags.database).is_some();
    let has_variable =
        KEYWORDS.iter().filter_map(|keyword| keyword.variable).any(|name| environment.var(name).is_some());
    let has_service = environment.var("PGSERVICE").is_some();
    request.target.is_none() && !has_flag && !has_variable && !has_service && environment.var("DATABASE_URL").is_none()
}

fn flag_layer(flags: &ConnectionFlags<'_>) -> Vec<GivenParameter> {
    let database = flags.database.filter(|text| !is_address(text));
    let flags = [
        ("host", "-h", flags.host),
        ("port", "-p", flags.port),
        ("user", "-U", flags.user),
        ("dbname", "-d", database),
    ];
    let given = |(name, flag, value): (&'static str, _, Option<&str>)| {
        Some(GivenParameter { name, value: value?.to_owned(), origin: ParameterOrigin::Flag(flag) })
    };
    flags.into_iter().filter_map(given).collect()
}

/// Returns a flag that takes a name and was given an address: `-h postgres://…`, `-d app:secret@db1/shop`.
///
/// Its value would be quoted wherever the host or the database is named.
fn address_in_a_flag<'a>(flags: &ConnectionFlags<'a>) -> Option<(&'static str, &'a str)> {
    let has_password = |text: &&str| text.contains("://") || text.contains('@') && text.contains(':');
    let database = flags.database.filter(|text| !is_address(text));
    [("-h", flags.host), ("-p", flags.port), ("-U", flags.user), ("-d", database)]
        .into_iter()
        .find_map(|(flag, text)| Some((flag, text.filter(has_password)?)))
}

fn is_address(text: &str) -> bool {
    url::scheme(text).is_some() || conninfo::is_conninfo(text)
}

/// Reads TARGET, or what stands for it; the alias is named if it was one.
fn target_layer(
    request: &AddressRequest<'_>,
    environment: &Environment,
) -> Result<(Vec<GivenParameter>, Option<String>), AddressError> {
    let address_flag = request.flags.database.filter(|text| is_address(text));
    if let Some(text) = request.target {
        if address_flag.is_some() {
            return Err(AddressError::Conflict {
                what: "TARGET and -d both say where to connect".to_owned(),
                hint: "with a TARGET, -d takes only the name of a database".to_owned(),
            });
        }
        if let Some(alias) = request.aliases.iter().find(|alias| alias.name == text) {
            return Ok((alias_layer(alias)?, Some(alias.name.clone())));
        }
        return Ok((word_layer(text, request.aliases, environment)?, None));
    }
    let flags = &request.flags;
    if let Some(text) = address_flag {
        return Ok((text_layer(text, &ParameterOrigin::Flag("-d"))?, None));
    }
    let has_flag = flags.host.or(flags.port).or(flags.user).or(flags.database).is_some();
    let has_place = PLACES.iter().any(|name| environment.var(name).is_some());
    match environment.var("DATABASE_URL") {
        Some(text) if !has_flag && !has_place => Ok((database_url_layer(text)?, None)),
        _ => Ok((Vec::new(), None)),
    }
}

fn word_layer(text: &str, aliases: &[Alias], environment: &Environment) -> Result<Vec<GivenParameter>, AddressError> {
    if is_address(text) {
        return text_layer(text, &ParameterOrigin::Target);
    }
    if may_hold_password(text) {
        return Err(AddressError::NotAnAddress { origin: ParameterOrigin::Target });
    }
    let services = service::names(environment);
    if services.iter().any(|name| name == text) {
        return Ok(vec![GivenParameter { name: "service", value: text.to_owned(), origin: ParameterOrigin::Target }]);
    }
    let names: Vec<String> = aliases.iter().map(|alias| alias.name.clone()).chain(services).collect();
    let near = nearest(text, names.iter().map(String::as_str)).map(str::to_owned);
    Err(AddressError::UnknownTarget { word: text.to_owned(), near, names })
}

fn database_url_layer(text: &str) -> Result<Vec<GivenParameter>, AddressError> {
    text_layer(text, &ParameterOrigin::Variable("DATABASE_URL")).map_err(|error| match error {
        AddressError::Syntax { origin, what, .. }
            if url::scheme(text).is_none_or(|scheme| !scheme.starts_with('p')) =>
        {
            let hint = Some("name a TARGET, or unset DATABASE_URL".to_owned());
            AddressError::Syntax { origin, what, hint }
        }
        other => other,
    })
}

/// Reads a URL or a conninfo.
fn text_layer(text: &str, origin: &ParameterOrigin) -> Result<Vec<GivenParameter>, AddressError> {
    let parsed = if url::scheme(text).is_some() { url::parse(text) } else { conninfo::parse(text) };
    let pairs = parsed.map_err(|error| AddressError::Syntax {
        origin: origin.clone(),
        what: error.what.clone(),
        hint: error.hint,
    })?;
    let mut layer: Vec<GivenParameter> = Vec::new();
    for (key, value) in pairs {
        let is_after_password = url::scheme(text).is_none() && layer.last().is_some_and(|last| last.name == "password");
        let given = known(key, value, origin.clone());
        if given.is_err() && is_after_password {
            // The unknown word may be the second half of a password with a space and a "=" in it: it is not quoted.
            let what = "the word after password=… is not a connection parameter".to_owned();
            let hint = Some("a password with a space is written in single quotes: password='two words'".to_owned());
            return Err(AddressError::Syntax { origin: origin.clone(), what, hint });
        }
        layer.push(given?);
    }
    Ok(layer)
}

fn alias_layer(alias: &Alias) -> Result<Vec<GivenParameter>, AddressError> {
    let mut layer = Vec::new();
    for (key, value, line) in &alias.parameters {
        let origin = ParameterOrigin::File { path: alias.file.clone(), line: *line };
        if key == "url" {
            // Written before the keys beside it, so that these win.
            layer.splice(0..0, text_layer(value, &origin)?);
        } else {
            layer.push(known(key.clone(), value.clone(), origin)?);
        }
    }
    Ok(layer)
}

fn known(key: String, value: String, origin: ParameterOrigin) -> Result<GivenParameter, AddressError> {
    match keywords::find(&key) {
        Some(keyword) => Ok(GivenParameter { name: keyword.name, value, origin }),
        // A URL without its scheme and with a "=" in it is read as a conninfo: the word before it holds the password.
        None if !key.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') => {
            Err(AddressError::NotAnAddress { origin })
        }
        None => Err(AddressError::UnknownKeyword { near: keywords::near(&key), word: key, origin }),
    }
}

fn environment_layer(environment: &Environment) -> Vec<GivenParameter> {
    let mut layer = Vec::new();
    // Older than PGSSLMODE and weaker; source: fe-connect.c, `conninfo_add_defaults`.
    if environment.var("PGREQUIRESSL").is_some_and(|value| value.starts_with('1')) {
        layer.push(GivenParameter {
            name: "sslmode",
            value: "require".to_owned(),
            origin: ParameterOrigin::Variable("PGREQUIRESSL"),
        });
    }
    for keyword in KEYWORDS {
        let Some(variable) = keyword.variable else { continue };
        let Some(value) = environment.var(variable) else { continue };
        layer.push(GivenParameter {
            name: keyword.name,
            value: value.to_owned(),
            origin: ParameterOrigin::Variable(variable),
        });
    }
    layer
}

/// Refuses a value the parameter does not take.
fn judge(given: &GivenParameter) -> Result<(), AddressError> {
    let Some(keyword) = keywords::find(given.name) else { return Ok(()) };
    let value = given.value.as_str();
    if value.is_empty() {
        return Ok(());
    }
    match keyword.use_ {
        Use::Only(values) if !values.contains(&value) => Err(unsupported(given, keyword, values)),
        _ if !keyword.words.is_empty() && !keyword.words.contains(&value) => {
            Err(bad_value(given, words_hint(value, keyword.words)))
        }
        _ => Ok(()),
    }
}

fn unsupported(given: &GivenParameter, keyword: &Keyword, values: &[&str]) -> AddressError {
    let hint = match values {
        [] => format!("leave {} out", keyword.name),
        values => format!("leave it out, or use one of: {}", values.join(", ")),
    };
    AddressError::Unsupported { origin: given.origin.clone(), keyword: keyword.name, hint }
}

fn words_hint(value: &str, words: &[&str]) -> String {
    let valid = format!("valid: {}", words.join(", "));
    match nearest(value, words.iter().copied()) {
        Some(near) => format!("did you mean \"{near}\"? {valid}"),
        None => valid,
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
