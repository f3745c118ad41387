//! Characters that are invisible or that control a terminal, and texts without them.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory as Category};
use icu_properties::{CodePointMapData, CodePointSetData};

/// Whether people cannot see this character: a terminal obeys it, changes the direction of the text, or shows nothing, a
/// blank or a replacement. Unicode's tables decide: the general category, and the property *default ignorable* (fillers,
/// joiners, variation selectors, tags).
pub(crate) fn is_unseen(character: char) -> bool {
    /// Signs by their category that draw nothing: braille without dots, the null note head, two Egyptian blanks.
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

/// Whether it takes no space at all. Text copied from web pages and chats often holds such characters.
pub(crate) fn takes_no_room(character: char) -> bool {
    let format = || CodePointMapData::<Category>::new().get(character) == Category::Format;
    !character.is_ascii() && (is_ignorable(character) || format())
}

fn is_ignorable(character: char) -> bool {
    CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character)
}

/// A text for people. Invisible characters are written as `\u{e9}`.
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

/// A name for people: [`escaped`], in quotes. Quotes and backslashes in it get a backslash. So a name cannot end its
/// quotes and look like our own words.
pub(crate) fn shown(text: &str) -> String {
    format!("\"{}\"", escaped(&text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// JSON without invisible characters, because people read it, too. `text` must be JSON.
pub(crate) fn escaped_json(text: &str) -> String {
    let mut visible = String::with_capacity(text.len());
    for character in text.chars() {
        // A line end is part of the layout: JSON escapes those within texts.
        if is_unseen(character) && character != '\n' {
            // JSON escapes 16 bits at a time. A character with more bits needs two escapes.
            for unit in character.encode_utf16(&mut [0; 2]) {
                visible.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            visible.push(character);
        }
    }
    visible
}
