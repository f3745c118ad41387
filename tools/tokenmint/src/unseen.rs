//! Characters that nobody sees or that steer a terminal, and texts without them.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory as Category};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Whether people cannot see which character this is. A terminal obeys it, turns the text's direction, shows nothing or
/// a blank, or has no sign for it. Unicode's tables decide: the general category, and the property *default ignorable*
/// (fillers, joiners, variation selectors, tags).
pub(crate) fn is_unseen(character: char) -> bool {
    /// Signs by their category, of which nothing is drawn: braille without dots, the null note head, two Egyptian
    /// blanks.
    const BLANK_SIGNS: [char; 4] = ['\u{2800}', '\u{1d159}', '\u{13441}', '\u{13442}'];
    if character.is_ascii() {
        return character.is_ascii_control();
    }
    let category = CodePointMapData::<Category>::new().get(character);
    let unseen = matches!(
        category,
        Category::Control
            | Category::Format
            | Category::SpaceSeparator
            | Category::LineSeparator
            | Category::ParagraphSeparator
            | Category::PrivateUse
            | Category::Surrogate
            | Category::Unassigned
    );
    unseen || is_ignorable(character) || BLANK_SIGNS.contains(&character)
}

/// Whether it takes no room at all, as what copying from web pages and chats brings along.
pub(crate) fn takes_no_room(character: char) -> bool {
    let format = || CodePointMapData::<Category>::new().get(character) == Category::Format;
    !character.is_ascii() && (is_ignorable(character) || format())
}

fn is_ignorable(character: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

/// A text for people: what they would not see is written as `\u{e9}`.
pub(crate) fn escaped(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) {
            visible.extend(character.escape_unicode());
        } else {
            visible.push(character);
        }
    }
    visible
}

/// A name for people: [`escaped`], in quotes. A quote or a backslash in it has a backslash before it, so that a name
/// cannot end the quotes and go on as if we spoke.
pub(crate) fn shown(text: &str) -> String {
    format!("\"{}\"", escaped(&text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// JSON for programs, whose output people look at, too. `text` is JSON already.
pub(crate) fn escaped_json(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for character in text.chars() {
        // Line ends are the layout's own: within texts they are escaped already.
        if is_unseen(character) && character != '\n' {
            // JSON knows 16 bits at a time: a character beyond them is two.
            for unit in character.encode_utf16(&mut [0; 2]) {
                visible.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            visible.push(character);
        }
    }
    visible
}
