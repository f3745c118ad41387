//! Finds the token in the request's headers.

use super::{MAX_BYTES, Refusal};

/// The token from the values of all `Authorization` headers. `None`: there is no such header, or its scheme is not
/// `Bearer`.
///
/// # Errors
/// More than one header. Or it is not `Bearer` (in any case), one space and a token. Or the token is too long.
pub(crate) fn bearer(authorization: &[String]) -> Result<Option<&str>, Refusal> {
    let value = match authorization {
        [] => return Ok(None),
        [value] => value,
        _ => return Err(Refusal::AuthorizationTwice),
    };
    // A scheme ends at the first character that no scheme contains. So a tab after `Bearer` makes no other scheme.
    let end = value.bytes().position(|byte| !in_scheme(byte)).unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    if !scheme.is_empty() && !scheme.eq_ignore_ascii_case("Bearer") {
        return Ok(None);
    }
    let token = rest.strip_prefix(' ').filter(|token| !scheme.is_empty() && is_token68(token));
    match token {
        None => Err(Refusal::Authorization),
        Some(token) if token.len() > MAX_BYTES => Err(Refusal::TooLong),
        token => Ok(token),
    }
}

/// RFC 9110, 5.6.2: `token`.
fn in_scheme(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9110, 11.2: `token68`.
fn is_token68(text: &str) -> bool {
    let unpadded = text.trim_end_matches('=');
    !unpadded.is_empty() && unpadded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&str]) -> Result<Option<String>, Refusal> {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        bearer(&values).map(|token| token.map(str::to_owned))
    }

    #[test]
    fn the_token_follows_the_scheme_and_one_space() {
        for value in ["Bearer a.b-c_d", "bearer a.b-c_d", "BEARER a.b-c_d"] {
            assert_eq!(of(&[value]), Ok(Some("a.b-c_d".to_owned())), "{value}");
        }
        // Characters that other bearer tokens have. `verify` refuses them.
        assert_eq!(of(&["Bearer a~b+c/d=="]), Ok(Some("a~b+c/d==".to_owned())));
    }

    #[test]
    fn no_header_and_another_scheme_are_no_token() {
        assert_eq!(of(&[]), Ok(None));
        for value in ["Basic YTpi", "Basic", "DPoP a.b.c", "Bearers a.b.c", "Basic YTpi, Bearer a.b.c"] {
            assert_eq!(of(&[value]), Ok(None), "{value}");
        }
    }

    #[test]
    fn any_other_form_is_refused() {
        let forms = [
            "",
            " ",
            "Bearer",
            "Bearer ",
            " Bearer a.b.c",
            "\tBearer a.b.c",
            "Bearer  a.b.c",
            "Bearer\ta.b.c",
            "Bearer \ta.b.c",
            "Bearer\u{a0}a.b.c",
            "Bearer a.b.c ",
            "Bearer a.b.c\t",
            "Bearer a.b.c\r\n",
            "Bearer a.b.c d",
            "Bearer a.b.c,d.e.f",
            "Bearer a.b.c, Bearer d.e.f",
            "Bearer, a.b.c",
            "Bearer,a.b.c",
            "Bearer: a.b.c",
            "Bearer=a.b.c",
            "Bearer \"a.b.c\"",
            "Bearer a=b",
            "Bearer =",
            "Bearer a.b.\u{e9}",
            "\u{212a}Bearer a.b.c",
        ];
        for form in forms {
            assert_eq!(of(&[form]), Err(Refusal::Authorization), "{form:?}");
        }
    }

    #[test]
    fn two_headers_are_refused_even_if_they_are_equal() {
        for values in [["Bearer a.b.c", "Bearer a.b.c"], ["Bearer a.b.c", "Basic YTpi"], ["", ""]] {
            assert_eq!(of(&values), Err(Refusal::AuthorizationTwice), "{values:?}");
        }
    }

    #[test]
    fn a_token_has_8_kib_at_most() {
        let value = |length: usize| format!("Bearer {}", "a".repeat(length));
        assert_eq!(of(&[&value(MAX_BYTES)]), Ok(Some("a".repeat(MAX_BYTES))));
        assert_eq!(of(&[&value(MAX_BYTES + 1)]), Err(Refusal::TooLong));
        assert_eq!(of(&[&value(9 * 1024)]), Err(Refusal::TooLong));
    }
}
