//! What to say of input that cannot be read: where and why, without the input, which may be a key,
//! a token or a person's number in the wrong place.

/// How serde begins to quote a value.
const QUOTES: [&str; 3] = ["invalid type: ", "invalid value: ", "unknown variant "];
/// How it goes on after the value.
const GOES_ON: &str = ", expected";

/// What serde says of a value, without the value: `invalid type: string, expected i64`.
pub fn without_value(said: &str) -> String {
    let at = QUOTES.iter().filter_map(|quote| said.find(quote).map(|at| at + quote.len())).min();
    let Some((head, quoted)) = at.map(|at| said.split_at(at)) else { return said.to_owned() };
    // The value may hold these words itself, what is expected never does.
    let Some((value, expected)) = quoted.rsplit_once(GOES_ON) else {
        return head.trim().to_owned();
    };
    let kind: String = value.chars().take_while(|c| c.is_ascii_lowercase() || *c == ' ').collect();
    format!("{}{GOES_ON}{expected}", [head, kind.trim_end()].concat().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_stays_out_and_the_rest_stays() {
        let said =
            |text: &str| without_value(&serde_json::from_str::<u8>(text).unwrap_err().to_string());
        for secret in [r#""SECRET""#, r#""S, expected K""#, r#""K `S` "#] {
            let told = said(&format!("{secret}\""));
            assert!(!told.contains(['S', 'K']) && told.contains(" at line 1 column "), "{told}");
        }
        assert_eq!(said(r#""S""#), "invalid type: string, expected u8 at line 1 column 3");
        assert_eq!(said("13812345678"), "invalid value: integer, expected u8 at line 1 column 11");
        assert_eq!(said("[1, 2]"), "invalid type: sequence, expected u8 at line 1 column 0");
        assert_eq!(said("{"), "invalid type: map, expected u8 at line 1 column 0");
        let variant = "channel: unknown variant `SECRET`, expected `alipay` or `wechat`";
        assert_eq!(
            without_value(variant),
            "channel: unknown variant, expected `alipay` or `wechat`"
        );
        assert_eq!(without_value("missing field `code`"), "missing field `code`");
    }
}
