//! The password as a person typed it: bounded in bytes, because bcrypt reads no more than 72 of them.

use super::Invalid;

/// 8 … 71 bytes without U+0000. Any composition otherwise (NIST SP 800-63B §3.1.1); `Debug` never shows it.
///
/// 71, not 72: bcrypt's NUL terminator counts, and a longer text would be truncated silently.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Fewest bytes.
    pub const MIN: usize = 8;
    /// Most bytes.
    pub const MAX: usize = 71;

    /// Takes a password that somebody wants to use from now on for the account `username`.
    ///
    /// # Errors
    /// `too_short`, `too_long`, `not_allowed` (U+0000), `too_common` (a commonest password, or the username itself).
    pub fn choose(text: &str, username: &str) -> Result<Self, Invalid> {
        if text.len() < Self::MIN {
            return Err(Invalid::too_short(Self::MIN));
        }
        if text.len() > Self::MAX {
            return Err(Invalid::too_long(Self::MAX));
        }
        if text.contains('\0') {
            return Err(Invalid::NotAllowed);
        }
        let lower = text.to_lowercase();
        if lower == username.to_lowercase() || COMMON.contains(&lower.as_str()) {
            return Err(Invalid::TooCommon);
        }
        Ok(Self(text.to_owned()))
    }

    /// Takes a password that is only to be compared: whatever could never have been chosen is none.
    #[must_use]
    pub fn attempt(text: &str) -> Option<Self> {
        ((Self::MIN..=Self::MAX).contains(&text.len()) && !text.contains('\0')).then(|| Self(text.to_owned()))
    }

    /// The text itself, for the hash function alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// The commonest passwords of at least eight bytes, lower case. Facts about public breaches, gathered by hand; the
/// list stays short on purpose: online guessing is stopped by the sign-in limits, this only stops the first guesses.
#[rustfmt::skip]
const COMMON: &[&str] = &[
    "password", "password1", "password12", "password123", "password1234", "passw0rd", "p@ssw0rd", "p@ssword",
    "12345678", "123456789", "1234567890", "12345678910", "87654321", "987654321", "0987654321", "123123123",
    "11111111", "111111111", "1111111111", "00000000", "0000000000", "88888888", "99999999", "66666666", "55555555",
    "12341234", "11223344", "1122334455", "112233445566", "12344321", "123454321", "123321123", "147258369",
    "741852963", "159753456", "789456123", "123456abc", "abc123456", "abcd1234", "1234abcd", "a1234567", "a12345678",
    "a123456789", "aa123456", "aa12345678", "q1w2e3r4", "q1w2e3r4t5", "1q2w3e4r", "1q2w3e4r5t", "1q2w3e4r5t6y",
    "1qaz2wsx", "1qaz2wsx3edc", "zaq12wsx", "qazwsxedc", "qwertyui", "qwertyuiop", "qwerty12", "qwerty123",
    "qwerty1234", "qwerty12345", "qwerty123456", "qwer1234", "asdfghjk", "asdfghjkl", "asdf1234", "zxcvbnm1",
    "zxcvbnm123", "letmein1", "letmein123", "welcome1", "welcome123", "iloveyou", "iloveyou1", "sunshine", "sunshine1",
    "princess", "princess1", "football", "football1", "baseball", "baseball1", "superman", "superman1", "batman123",
    "trustno1", "starwars", "computer", "internet", "michelle", "jennifer", "jessica1", "charlie1", "michael1",
    "ashley123", "daniel123", "jordan23", "liverpool", "chelsea1", "arsenal1", "barcelona", "dragon123", "monkey123",
    "shadow123", "master123", "killer123", "admin123", "admin1234", "administrator", "root1234", "toor1234",
    "changeme", "changeme1", "changeme123", "change-me", "default1", "secret123", "test1234", "testtest", "guest123",
    "user1234", "login123", "pass1234", "passpass", "whatever", "freedom1", "corvette", "mercedes", "maverick",
    "midnight", "hello123", "hellohello", "lovelove", "samsung1", "samsung123", "google123", "facebook", "linkedin",
    "pokemon1", "pokemon123", "naruto123", "minecraft", "fortnite", "qweasdzxc", "qweasd123", "asdasdasd", "zxczxczxc",
    "qqqqqqqq", "aaaaaaaa", "zzzzzzzz", "xxxxxxxx", "asdfasdf", "qwerqwer", "abcdefgh", "abcdefghi", "abcd12345",
    "йцукенгш", "пароль123", "parol123", "gfhjkm123", "privet123", "marina123", "nastya123", "natasha1", "svetlana",
    "vladimir", "cheburashka", "spartak1", "zenit123", "rossiya1", "lubov123", "solnyshko", "1234qwer", "123qweasd",
    "123qwe123", "qwe123qwe", "1a2b3c4d", "a1b2c3d4", "1g2w3e4r", "3rjs1la7qe", "zag12wsx", "p@$$w0rd", "pa$$word",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a2_the_length_counts_bytes() {
        let of = |n: usize| "x9".repeat(40).chars().take(n).collect::<String>();
        assert_eq!(Password::choose(&of(7), "ann"), Err(Invalid::too_short(8)));
        assert!(Password::choose(&of(8), "ann").is_ok());
        assert!(Password::choose(&of(71), "ann").is_ok());
        assert_eq!(Password::choose(&of(72), "ann"), Err(Invalid::too_long(71)));
        assert_eq!(Password::choose(&"ы".repeat(36), "ann"), Err(Invalid::too_long(71)));
    }

    #[test]
    fn a3_a_password_has_no_nul() {
        assert_eq!(Password::choose("a\0aaaaaaaa", "ann"), Err(Invalid::NotAllowed));
    }

    #[test]
    fn a4_the_commonest_passwords_and_the_username_are_refused() {
        assert_eq!(Password::choose("PassWord1", "ann"), Err(Invalid::TooCommon));
        assert_eq!(Password::choose("Ann.Smith", "ann.smith"), Err(Invalid::TooCommon));
        assert!(Password::choose("correct horse battery", "ann").is_ok());
        assert!(Password::choose("        ", "ann").is_ok());
    }

    #[test]
    fn l2_a_password_does_not_print() {
        assert_eq!(format!("{:?}", Password::choose("hunter2hunter2", "ann").unwrap()), "[redacted]");
    }
}
