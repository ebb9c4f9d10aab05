//! Statements that hold secrets, whole and cut at every letter.

use proptest::prelude::*;

use super::{CUT, MASK, redact};

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
    "SELECT \"authtoken_token\".\"key\" FROM \"authtoken_token\" WHERE \"authtoken_token\".\"key\" = 'hUnter2xyz' LIMIT 21",
    "SELECT t.user_id FROM public.authtoken_token t WHERE t.key = 'hUnter2xyz'",
    "SELECT 1 FROM authtoken_token AS t (k) WHERE k = 'hUnter2xyz'",
    "SELECT 1 FROM account_emailconfirmation WHERE account_emailconfirmation.key = 'hUnter2xyz'",
    "SELECT 1 FROM \"otp_totp_totpdevice\" WHERE \"otp_totp_totpdevice\".\"key\" = 'hUnter2xyz'",
    "SELECT 1 FROM oauth2_provider_grant WHERE oauth2_provider_grant.code = 'hUnter2xyz'",
    "SELECT 1 FROM oauth2_provider_accesstoken WHERE token_checksum = 'hUnter2xyz'",
    "SELECT 1 FROM knox_authtoken WHERE knox_authtoken.digest = 'hUnter2xyz'",
    "SELECT 1 FROM django_session WHERE django_session.session_key = 'hUnter2xyz'",
    "SELECT 1 FROM django_session s WHERE s.session_data = 'hUnter2xyz'",
    "INSERT INTO \"authtoken_token\" (\"key\", \"user_id\") VALUES ('hUnter2xyz', 1) RETURNING \"authtoken_token\".\"key\"",
    "INSERT INTO account_emailconfirmation (created, key) VALUES ('2026-01-01', 'hUnter2xyz')",
    "INSERT INTO otp_totp_totpdevice VALUES (1, 'hUnter2xyz')",
    "UPDATE \"django_session\" SET \"session_data\" = 'hUnter2xyz' WHERE user_id = 1",
    "UPDATE oauth2_provider_grant SET expires = '2026-01-01', code = 'hUnter2xyz'",
    "UPDATE authtoken_token SET (key, user_id) = ('hUnter2xyz', 1)",
    "select 1 from t where \"tokens\" @> ARRAY['hUnter2xyz']",
    "select 1 from t where \"credentials\" -> 'key' = '\"hUnter2xyz\"'",
    "select 1 from t where credentials['key'] = 'hUnter2xyz'",
    "select 1 from t where (credentials).value = 'hUnter2xyz'",
    "select 1 from t where token ^@ 'hUnter2xyz'",
    "select 1 from t where password collate \"C\" = 'hUnter2xyz'",
    "select 1 from t where token operator(pg_catalog.=) $$hUnter2xyz$$",
    "select 1 from t where password between 'aaaa' and 'hUnter2xyz'",
    "select 1 from t where password between symmetric 'hUnter2xyz' and 'zzzz'",
    "select case token when 'hUnter2xyz' then 1 end from t",
    "select 1 from t where coalesce(token, '') = 'hUnter2xyz'",
    "select nullif(token, 'hUnter2xyz') from t",
    "select 1 from t where starts_with(token, 'hUnter2xyz')",
    "select 1 from t where (password, 1) = ('hUnter2xyz', 1)",
    "select 1 from unnest(array(select token from t)) as a where a = 'hUnter2xyz'",
    "select 1 from t, unnest(t.tokens) a where a = 'hUnter2xyz'",
    "select 1 from (select token as a from t) b where a = 'hUnter2xyz'",
    "with a (b) as (select token from t) select 1 from a where b = 'hUnter2xyz'",
    "explain (analyze) select 1 from t where nullif(token, 'hUnter2xyz') is null",
    "create view v as select nullif(token, 'hUnter2xyz') from t",
    "call set_password(1, 'hUnter2xyz')",
    "do $$ begin perform set_password(1, 'hUnter2xyz'); end $$",
    "select 'Authorization: Bearer hUnter2xyz'",
    "select http('{\"Authorization\": \"Basic hUnter2xyz\"}')",
    "select 'Bearer hUnter2xyz'",
    "select $$Bearer hUnter2xyz$$",
    "select '-----BEGIN PRIVATE KEY----- hUnter2xyz'",
    "select $a$-----BEGIN RSA PRIVATE KEY-----\nhUnter2xyz\n-----END RSA PRIVATE KEY-----$a$",
];

/// Texts that hold the secret before the name that makes it one; cut in between, only the mark of the cut tells.
const BEFORE_THE_NAME: &[&str] = &[
    "select 1 from t where 'hUnter2xyz' = password",
    "select 1 from t where position('hUnter2xyz' in token) > 0",
    "select 'hUnter2xyz' as password",
    "select $$hUnter2xyz$$ password",
    "select * from (values ('hUnter2xyz')) as v(password)",
    "select * from (values (E'hUnter2xyz')) as v(a, \"apiToken\")",
    "select xmlforest('hUnter2xyz' as password)",
    "select 1 from t where 'hUnter2xyz' in (password, '')",
    "select 1 from t where 'hUnter2xyz' like token || '%'",
    "select 1 from t where 'hUnter2xyz' = any (tokens)",
    "(select 'hUnter2xyz' as a) union select password from t",
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
    "SELECT password FROM auth_user u WHERE (u.username = 'alice' AND u.email LIKE '%example%') ORDER BY u.id FOR UPDATE",
    "SELECT \"authtoken_token\".\"key\" FROM authtoken_token JOIN auth_user ON user_id = id WHERE username <> 'alice'::text",
    "SELECT id FROM auth_user WHERE upper(username) = 'ALICE' AND note IN ('one', 'two')",
    "ALTER TABLE authtoken_token ADD CONSTRAINT c CHECK (created > '2026-01-01')",
    "relation \"authtoken_token\" of 'shop' has no statistics",
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
fn a_secret_before_its_name_is_taken_out() {
    for text in BEFORE_THE_NAME {
        let redacted = redact(text);
        assert!(redacted.contains(MASK) && !redacted.contains(SECRET), "{text}\n{redacted}");
        assert_eq!(redact(&redacted), redacted, "again");
    }
}

#[test]
fn a_secret_whose_name_was_cut_off_is_taken_out() {
    for text in BEFORE_THE_NAME.iter().chain(HOLDING) {
        for (end, _) in text.char_indices().chain([(text.len(), ' ')]) {
            let cut = format!("{}{CUT}", text.get(..end).unwrap());
            let redacted = redact(&cut);
            let start = text.find(SECRET).unwrap();
            let seen = end.saturating_sub(start).min(SECRET.len());
            assert!(seen < 3 || !redacted.contains(SECRET.get(..3).unwrap()), "{cut}\n{redacted}");
            assert_eq!(redact(&redacted), redacted, "again");
        }
    }
    for (cut, expected) in [
        (
            "select a from t where b = 'pending' and c > 17 and d...",
            "select a from t where b = '[redacted]' and c > 17 and d...",
        ),
        ("select a from t where b = 'pend...", "select a from t where b = '[redacted]"),
        ("listen a; select 'b'; notify c, 'd'...", "listen a; select 'b'; notify c, 'd'..."),
        ("select a from t where b = $1 and...", "select a from t where b = $1 and..."),
        ("alter table t alter a set default 'b'...", "alter table t alter a set default 'b'..."),
    ] {
        assert_eq!(redact(cut), expected);
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
        (
            "select password from auth_user where upper(name) = 'ALICE' and id = 17 and note = 'one' and kind = 'ab'",
            "select password from auth_user where upper(name) = '[redacted]' and id = 17 and note = 'one' and kind = 'ab'",
        ),
        ("select 1 as token; select 'other'", "select 1 as token; select 'other'"),
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
    fn any_text_can_be_read_and_twice_is_once(text in "([a-z'\"$\\\\/*=:@(), \n-]|password|E'|U&'|\\$a\\$|://|select |where a = |;| as token|Bearer |\\.\\.\\.){0,40}") {
        let once = redact(&text).into_owned();
        prop_assert_eq!(redact(&once).into_owned(), once);
    }

    #[test]
    fn a_password_of_any_letters_is_taken_out(secret in "[^\\x00'\\\\]{1,20}") {
        let text = format!("alter role bob password '{secret}' valid until '2030-01-01'");
        prop_assert_eq!(redact(&text), "alter role bob password '[redacted]' valid until '2030-01-01'");
    }
}
