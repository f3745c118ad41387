//! Compares what a command prints with what a page shows of it.
//!
//! Spaces and line ends do not count. In the page's text, these stand for others of their kind:
//!
//! * `…` for anything, or nothing;
//! * a number of exactly ten digits for any moment;
//! * a whole token (`007…`, `006…` or `04…` with at least 40 characters) for any token of that version;
//! * a request id (a UUID) for any other;
//! * a time such as `2026-11-21 00:56:17 UTC` for any other.
//!
//! All other text must be there as it stands, from the beginning to the end.

/// What stands at one place of the page's text.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Letter(char),
    Anything,
    Moment,
    /// With the version.
    Token(&'static str),
    Id,
    Time,
}

const VERSIONS: [&str; 3] = ["007", "006", "04"];

/// How many characters of the text are a moment, if it begins with one.
fn moment(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    (digits == 10).then_some(10)
}

fn token(text: &str, version: &str) -> Option<usize> {
    let of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=".contains(byte);
    let length = text.bytes().take_while(of_token).count();
    (text.starts_with(version) && length >= 40).then_some(length)
}

/// `0` stands for any digit, `x` for any hexadecimal digit.
fn like(pattern: &str, text: &str) -> Option<usize> {
    let fits = |(pattern, letter): (u8, u8)| match pattern {
        b'0' => letter.is_ascii_digit(),
        b'x' => letter.is_ascii_hexdigit(),
        _ => pattern == letter,
    };
    (text.len() >= pattern.len() && pattern.bytes().zip(text.bytes()).all(fits)).then_some(pattern.len())
}

fn id(text: &str) -> Option<usize> {
    like("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", text)
}

/// Without the spaces.
const TIME: &str = "0000-00-0000:00:00UTC";

fn parts(page: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = page;
    // A wildcard begins a word. The end of a longer number is no moment.
    let mut inside = false;
    while let Some(letter) = rest.chars().next() {
        if letter.is_whitespace() {
            inside = false;
            rest = &rest[letter.len_utf8()..];
            continue;
        }
        let version = VERSIONS.into_iter().find_map(|version| Some((Part::Token(version), token(rest, version)?)));
        let found = if letter == '…' {
            Some((Part::Anything, letter.len_utf8()))
        } else if inside {
            None
        } else {
            id(rest)
                .map(|length| (Part::Id, length))
                .or_else(|| like("0000-00-00 00:00:00 UTC", rest).map(|length| (Part::Time, length)))
                .or(version)
                .or_else(|| moment(rest).map(|length| (Part::Moment, length)))
        };
        let (part, length) = found.unwrap_or((Part::Letter(letter), letter.len_utf8()));
        inside = matches!(part, Part::Letter(letter) if letter.is_ascii_alphanumeric());
        parts.push(part);
        rest = &rest[length..];
    }
    parts
}

/// What is left of the text after these parts. Otherwise how many of them fit.
fn after<'a>(parts: &[Part], text: &'a str) -> Result<&'a str, usize> {
    let mut rest = text;
    for (fitting, part) in parts.iter().enumerate() {
        let length = match part {
            Part::Letter(letter) => rest.starts_with(*letter).then_some(letter.len_utf8()),
            Part::Moment => moment(rest),
            Part::Token(version) => token(rest, version),
            Part::Id => id(rest),
            Part::Time => like(TIME, rest),
            Part::Anything => Some(0),
        };
        rest = &rest[length.ok_or(fitting)?..];
    }
    Ok(rest)
}

/// Whether the printed text is like the page's.
///
/// # Errors
/// It is not: what the page has where they begin to differ.
pub(super) fn fits(page: &str, printed: &str) -> Result<(), String> {
    let (parts, printed) = (parts(page), printed.split_whitespace().collect::<String>());
    let mut pieces = parts.split(|part| *part == Part::Anything).peekable();
    let differs = |piece: &[Part]| Err(format!("It does not print this: {}", show(piece)));
    let Some(first) = pieces.next() else { return Ok(()) };
    let Ok(mut rest) = after(first, &printed) else { return differs(first) };
    if pieces.peek().is_none() && !rest.is_empty() {
        return Err(format!("It prints more: {rest}"));
    }
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none();
        let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        let found = if last && piece.is_empty() {
            Some("")
        } else {
            starts.filter_map(|at| after(piece, &rest[at..]).ok()).find(|rest| !last || rest.is_empty())
        };
        match found {
            Some(left) => rest = left,
            None => return differs(piece),
        }
    }
    Ok(())
}

fn show(parts: &[Part]) -> String {
    let text = |part: &Part| match part {
        Part::Letter(letter) => letter.to_string(),
        Part::Anything => "…".to_owned(),
        other => format!("<{other:?}>"),
    };
    parts.iter().map(text).collect()
}

#[test]
fn a_page_may_leave_out_what_differs_each_time_and_nothing_else() {
    let token = "007eJwBXgCh/yAAw59TvV/7Fk7R1tcnpVqi+FbPBlPzrmgvUSuug8CNl5UgADAw";
    let other = "007eJwBYwCc/yAAt+y9f2frHD6P/ZrAlYRrAPW1TN5r6jnjbqgnfiHyZxQgADAwQUJD==";
    let good = [
        ("a …", "a b\nc"),
        ("a …", "a"),
        ("… c", "a b c"),
        ("a … c … e", "a b c d c d e"),
        ("{\"a\":1,\n \"b\":2}", "{\"a\":1,\"b\":2}"),
        ("at 1795213024.", "at 1999999999."),
        (token, other),
        ("{\"token\":\"007eJwB…\",…}", &format!("{{\"token\":\"{other}\",\"kind\":\"x\"}}")),
        ("\"8b221351-925f-4543-a839-f3b8dd003239\"", "\"00000000-0000-4000-8000-0123456789ab\""),
        ("issued 2026-11-21 00:56:17 UTC now", "issued  2031-01-01 10:00:00 UTC  now"),
    ];
    for (page, printed) in good {
        assert_eq!(fits(page, printed), Ok(()), "{page}");
    }
    let bad = [
        ("a", "b"),
        ("a", "a b"),
        ("a b", "a"),
        ("a …", "b a"),
        ("… c", "c d"),
        ("a … c … e", "a e c"),
        ("at 179521302.", "at 199999999."),
        ("at 1795213024.", "at 17952130245."),
        ("uid 12341795213024", "uid 12341999999999"),
        (token, "006000000000000000000000000000000000IADj+Jthyf2uhf6GDSxrMr0XHUjgJY"),
        (token, "007eJwB"),
        ("\"8b221351-925f-4543-a839-f3b8dd003239\"", "\"none\""),
        ("", "a"),
    ];
    for (page, printed) in bad {
        assert!(fits(page, printed).is_err(), "{page} and {printed}");
    }
}
