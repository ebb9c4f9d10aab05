//! Statements that hold secrets, whole and cut at every letter.

use proptest::prelude::*;

use super::{MASK, redact};

/// The secret in every text below.
const SECRET: &str = "hUnter2xyz";

/// Texts that hold the secret.
const HOLDING: &[&str] = &[
    "ALTER ROLE bob PASSWORD 'hUnter2xyz'",
    "alter user bob with encrypted password 'hUnter2xyz' valid until '2030-01-01'",
    "CREATE ROLE \"bob\" LOGIN PASSWORD /* why not 'this' */ 'hUnter2xyz' IN ROLE a",
    "CREATE USER bob PASSWORD -- a comment with a ' quote\n 'hUnter2xyz'",
    "ALTER ROLE bob PASSWORD E'hUnter2xyz\\n'",
    "ALTER ROLE bob PASSWORD E'it\\'s hUnter2xyz'",
    "ALTER ROLE bob PASSWORD 'it''s hUnter2xyz'",
    "ALTER ROLE bob PASSWORD U&'\\0061hUnter2xyz'",
    "ALTER ROLE bob PASSWORD U&'!0061hUnter2xyz' UESCAPE '!'",
    "ALTER ROLE bob PASSWORD $$hUnter2xyz$$",
    "ALTER ROLE bob PASSWORD $_x1$hUnter2xyz$_x1$",
    "ALTER ROLE bob PASSWORD 'a'\n'hUnter2xyz'",
    "SET password = 'hUnter2xyz'",
    "SET SESSION app.password TO 'hUnter2xyz'",
    "SET LOCAL \"app.jwt_secret\" = 'a', 'hUnter2xyz'",
    "SET U&\"p\\0061ssword\" = 'hUnter2xyz'",
    "select set_config('app.password', 'hUnter2xyz', false)",
    "select pg_catalog.set_config ( 'app.api_key' , 'a' || 'hUnter2xyz' , false)",
    "select set_config(setting_name => 'app.token', new_value => 'hUnter2xyz', is_local => true)",
    "ALTER SYSTEM SET primary_conninfo = 'host=a user=b password=hUnter2xyz'",
    "ALTER DATABASE shop SET app.secret_key = 'hUnter2xyz'",
    "select dblink_connect('host=a password=hUnter2xyz user=b')",
    "select dblink_connect('c', 'host=a password = ''hUnter2xyz''')",
    "select * from dblink('postgres://bob:hUnter2xyz@db1/shop', 'select 1') as t(a int)",
    "select dblink_connect_u(connstr => $a$password=hUnter2xyz$a$)",
    "select dblink_connect(E'p\\x61ssword=hUnter2xyz')",
    "CREATE SUBSCRIPTION s CONNECTION 'host=a password=hUnter2xyz' PUBLICATION p",
    "ALTER SUBSCRIPTION s CONNECTION U&'host=a \\0070assword=hUnter2xyz'",
    "CREATE USER MAPPING FOR bob SERVER f OPTIONS (user 'b', password 'hUnter2xyz')",
    "ALTER USER MAPPING FOR bob SERVER f OPTIONS (SET password 'hUnter2xyz')",
    "CREATE SERVER f FOREIGN DATA WRAPPER w OPTIONS (host 'a', \"password\" 'hUnter2xyz')",
    "ALTER SERVER f OPTIONS (ADD sslpassword 'hUnter2xyz')",
    "select crypt('hUnter2xyz', gen_salt('bf'))",
    "select id from auth_user where password = crypt('hUnter2xyz', password)",
    "select pgp_sym_decrypt(card, 'hUnter2xyz') from payment",
    "select public.encrypt('data', 'hUnter2xyz'::bytea, 'aes')",
    "select hmac('data', 'hUnter2xyz', 'sha256')",
    "UPDATE \"auth_user\" SET \"password\" = 'hUnter2xyz', email = 'a@b' WHERE id = 1",
    "UPDATE auth_user SET (email, password) = ('a@b', 'hUnter2xyz')",
    "INSERT INTO \"auth_user\" (\"password\", \"last_login\") VALUES ('hUnter2xyz', NULL), ('a', NULL)",
    "INSERT INTO auth_user (email, password) SELECT 'a', 'hUnter2xyz'",
    "select * from django_session where session_key in ('a', 'hUnter2xyz')",
    "select * from api where lower(token)::text = 'hUnter2xyz' and name = 'bob'",
    "select * from hook where body ->> 'secret' = 'hUnter2xyz'",
    "select jsonb_build_object('password', 'hUnter2xyz')",
    "select '{\"user\": \"bob\", \"password\": \"hUnter2xyz\"}'::jsonb",
    "select 'postgres://bob:hUnter2xyz@db1/shop'",
    "do $$ begin execute 'alter role bob password ''hUnter2xyz'''; end $$",
    "do $do$ begin perform dblink_connect('password=hUnter2xyz'); end $do$",
    "create function f() returns void language sql as 'alter role bob password ''hUnter2xyz'''",
    "copy t from program 'PGPASSWORD=hUnter2xyz psql -c \"select 1\"'",
    "copy t from program 'curl https://bob:hUnter2xyz@example.com/'",
    "select 1 /* password=hUnter2xyz */",
    "select 1 -- token: hUnter2xyz",
    "prepare p as update t set pwd = 'hUnter2xyz'",
    "select 'pbkdf2_sha256$870000$salt$hUnter2xyz='",
    "select 'SCRAM-SHA-256$4096:salt$hUnter2xyz:key'",
    "select 'it\\'s', 1; alter role bob password 'hUnter2xyz'",
    "host=db1 user=bob password=hUnter2xyz dbname=shop",
    "host=db1 password='hUnter2xyz' dbname=shop",
    "postgres://bob:hUnter2xyz@db1:5432/shop",
];

/// Ordinary texts.
const PLAIN: &[&str] = &[
    "",
    "select 1",
    "SELECT \"auth_user\".\"id\", \"auth_user\".\"password\" FROM \"auth_user\" WHERE \"auth_user\".\"username\" = 'bob'",
    "select * from shop_order where status = 'pending' and note = 'it''s' limit 10",
    "UPDATE auth_user SET password = $1 WHERE id = $2",
    "INSERT INTO auth_user (password, email) VALUES ($1, $2)",
    "select set_config('statement_timeout', '0', false)",
    "alter role bob password $1",
    "select token, count(*) from t where kind = 'a' group by 1",
    "select * from t where password is null and name = 'bob'",
    "listen 'passwords'",
    "select 'postgres://db1:5432/shop', 'https://example.com/a:b'",
    "SELECT 1 /*controller='shop.views.cart',framework='django%3A5.2',route='cart/'*/",
    "select $$ select 'a' $$, E'a\\'b\\n', U&'x'",
];

#[test]
fn no_secret_is_left_however_the_text_is_cut() {
    for text in HOLDING {
        let whole = redact(text);
        assert!(whole.contains(MASK), "nothing was taken out of {text}");
        for (end, _) in text.char_indices().chain([(text.len(), ' ')]) {
            let cut = text.get(..end).unwrap();
            let redacted = redact(cut);
            // What is left of the secret in the cut text, from three letters on.
            let start = text.find(SECRET).unwrap();
            let seen = end.saturating_sub(start).min(SECRET.len());
            assert!(seen < 3 || !redacted.contains(SECRET.get(..3).unwrap()), "{cut}\n{redacted}");
            assert_eq!(redact(&redacted), redacted, "again");
        }
    }
}

#[test]
fn an_ordinary_text_stays_as_it_is() {
    for text in PLAIN {
        assert_eq!(redact(text), *text);
    }
}

#[test]
fn what_is_left_can_be_read() {
    for (text, expected) in [
        (
            "ALTER ROLE bob PASSWORD 'a' VALID UNTIL '2030-01-01'",
            "ALTER ROLE bob PASSWORD '[redacted]' VALID UNTIL '2030-01-01'",
        ),
        ("SET app.password = 'a'; select 'b'", "SET app.password = '[redacted]'; select 'b'"),
        ("update t set pwd = 'a' where name = 'b'", "update t set pwd = '[redacted]' where name = 'b'"),
        ("select crypt('a', gen_salt('bf')), 'b'", "select crypt('[redacted]', gen_salt('[redacted]')), 'b'"),
        ("do $$ begin alter role b password 'x'; end $$", "do $$ begin alter role b password '[redacted]'; end $$"),
        ("host=a password=b user=c", "host=a password=[redacted] user=c"),
        ("postgres://a:b@c/d and more", "postgres://a:[redacted]@c/d and more"),
        ("alter role b password 'cut off he", "alter role b password '[redacted]"),
    ] {
        assert_eq!(redact(text), expected);
    }
}

#[test]
fn broken_sql_is_redacted_to_the_end() {
    let text = "$a$://$a$://$a$@password=/ :\\@\\\\:password$a$a$'=";
    let once = redact(text).into_owned();
    assert_eq!(redact(&once), once);
}

proptest! {
    #[test]
    fn any_text_can_be_read_and_twice_is_once(text in "([a-z'\"$\\\\/*=:@(), \n-]|password|E'|U&'|\\$a\\$|://){0,40}") {
        let once = redact(&text).into_owned();
        prop_assert_eq!(redact(&once).into_owned(), once);
    }

    #[test]
    fn a_password_of_any_letters_is_taken_out(secret in "[^\\x00'\\\\]{1,20}") {
        let text = format!("alter role bob password '{secret}' valid until '2030-01-01'");
        prop_assert_eq!(redact(&text), "alter role bob password '[redacted]' valid until '2030-01-01'");
    }
}
