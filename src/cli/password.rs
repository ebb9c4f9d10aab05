//! Asks for a password on the terminal, without echo.

use std::io;

use crate::pg::address::Password;

/// Asks on the terminal itself (`/dev/tty`), so that input and output may be redirected.
pub fn ask(prompt: &str) -> io::Result<Password> {
    rpassword::prompt_password(crate::ui::text::clean(prompt)).map(Password::new)
}
