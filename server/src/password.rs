//! Passwords of people: Argon2id. (Devices have keys, not passwords; see `store::stations`.)

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};

use crate::random;

/// Shortest password a person may choose, in characters.
pub const PASSWORD_CHARS_MIN: usize = 10;

/// The hash to store, in PHC form.
///
/// # Panics
/// Never with the default parameters.
pub fn hash(password: &str) -> String {
    let salt = SaltString::encode_b64(&random::bytes::<16>()).expect("16 bytes are a salt");
    let hashed = Argon2::default().hash_password(password.as_bytes(), &salt);
    hashed.expect("the default parameters are valid").to_string()
}

/// Whether this is the password of that hash.
pub fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_password_itself_fits() {
        let stored = hash("correct horse");
        assert!(verify("correct horse", &stored));
        assert!(!verify("correct horsf", &stored));
        assert!(!verify("", &stored));
        assert!(!verify("correct horse", ""));
        assert_ne!(stored, hash("correct horse"));
    }
}
