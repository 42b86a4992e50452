//! The YAML file. Everything that knows `serde_yaml` is here: reading a document into [`Node`]s, and finding the line
//! of a key again when there is something to say about it.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::{ConfigError, Fault, Place};
use super::node::{KEY_TWICE, Node};

/// The largest configuration file, in bytes: a hundred thousand sites fit. What is longer is no
/// configuration (a device, a log file) and would only fill the memory.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// A file that is YAML, whatever its keys mean.
pub(super) struct Document {
    pub file: PathBuf,
    pub root: Node,
    text: String,
}

/// One step on the way from the root to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step<'d> {
    Key(&'d str),
    Item(usize),
}

impl Document {
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let unreadable = |cause| ConfigError::Unreadable { file: file.to_owned(), cause };
        let mut text = String::new();
        let read = fs::File::open(file).and_then(|it| it.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
        if read.map_err(unreadable)? as u64 > FILE_BYTES_MAX {
            return Err(unreadable(io::ErrorKind::FileTooLarge.into()));
        }
        Document::parse(text, file)
    }

    pub fn parse(text: String, file: &Path) -> Result<Self, ConfigError> {
        match serde_yaml::from_str::<Node>(&text) {
            Ok(root) => Ok(Document { file: file.to_owned(), root, text }),
            Err(error) => Err(syntax_error(&error, file)),
        }
    }

    /// Where a value stands. Reads the file's text once more, so ask only when there is something to say.
    pub fn place(&self, path: &[Step]) -> Place {
        let line = if path.is_empty() { None } else { self.line(path) };
        Place { file: self.file.clone(), line, key: show_path(path) }
    }

    /// Walks to the value and fails there on purpose: `serde_yaml` adds the line to every error.
    fn line(&self, path: &[Step]) -> Option<usize> {
        let error = Seek { path }.deserialize(serde_yaml::Deserializer::from_str(&self.text)).err()?;
        error.location().map(|location| location.line())
    }
}

/// `map[1].outgoing`; always on one line, whatever a key is made of.
pub(super) fn show_path(path: &[Step]) -> String {
    let shown = path.iter().fold(String::new(), |shown, step| match step {
        Step::Key(key) if shown.is_empty() => (*key).to_owned(),
        Step::Key(key) => format!("{shown}.{key}"),
        Step::Item(index) => format!("{shown}[{index}]"),
    });
    on_one_line(&shown)
}

/// The text without what could end a line or move a terminal's cursor.
fn on_one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn syntax_error(error: &serde_yaml::Error, file: &Path) -> ConfigError {
    let message = error.to_string();
    let place = |key: &str| Place {
        file: file.to_owned(),
        line: error.location().map(|location| location.line()),
        key: key.to_owned(),
    };
    // "map[0]: duplicate entry with key "outgoing" at line 4 column 3"
    if let Some((before, rest)) = message.split_once(&format!("{KEY_TWICE} \"")) {
        let key = rest.split('"').next().unwrap_or(rest);
        let section = before.trim_end_matches(": ");
        let path = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        return ConfigError::Fault { place: place(&on_one_line(&path)), fault: Fault::KeyTwice };
    }
    // `*` begins an alias in YAML, and `- *.example.com` is no name of one.
    if message.contains("scanning an alias") {
        return ConfigError::Syntax {
            place: place(""),
            cause: "a value that begins with * needs quotes, like \"*.example.com\"".to_owned(),
        };
    }
    ConfigError::Syntax { place: place(""), cause: on_one_line(&message) }
}

/// Reads a value and fails where `path` ends: at the key for a key, at the value for an item.
struct Seek<'p> {
    path: &'p [Step<'p>],
}

impl Seek<'_> {
    fn scalar<E: serde::de::Error>(self) -> Result<(), E> {
        if self.path.is_empty() { Err(E::custom("here")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let (wanted, rest) = match self.path.split_first() {
            None => return Err(A::Error::custom("here")),
            Some((Step::Item(index), rest)) => (Some(*index), rest),
            Some(_) => (None, self.path),
        };
        for index in 0.. {
            let more = if Some(index) == wanted {
                items.next_element_seed(Seek { path: rest })?.is_some()
            } else {
                items.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let (name, rest) = match self.path.split_first() {
            None => return Err(A::Error::custom("here")),
            Some((Step::Key(name), rest)) => (Some(*name), rest),
            Some(_) => (None, self.path),
        };
        while let Some(is_wanted) = entries.next_key_seed(SeekKey { name, is_last: rest.is_empty() })? {
            if is_wanted {
                entries.next_value_seed(Seek { path: rest })?;
            } else {
                entries.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.scalar()
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }
}

/// Tells whether a key is the wanted one, or fails at it when the path ends there.
struct SeekKey<'p> {
    name: Option<&'p str>,
    is_last: bool,
}

impl<'de> DeserializeSeed<'de> for SeekKey<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<bool, D::Error> {
        key.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for SeekKey<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        match (self.name == Some(key), self.is_last) {
            (true, true) => Err(E::custom("here")),
            (is_wanted, _) => Ok(is_wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document::parse(text.to_owned(), Path::new("test.yml")).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn every_value_is_found_again_by_its_line() {
        let document = document(
            "# a comment\nport: 80\nmap:\n  - incoming:\n      - a\n      - b\n    outgoing: x\n  - {incoming: c,\n     outgoing: y}\n",
        );
        for (path, line) in [
            (&[Step::Key("port")][..], 2),
            (&[Step::Key("map")], 3),
            (&[Step::Key("map"), Step::Item(0)], 4),
            (&[Step::Key("map"), Step::Item(0), Step::Key("incoming")], 4),
            (&[Step::Key("map"), Step::Item(0), Step::Key("incoming"), Step::Item(1)], 6),
            (&[Step::Key("map"), Step::Item(0), Step::Key("outgoing")], 7),
            (&[Step::Key("map"), Step::Item(1), Step::Key("outgoing")], 9),
        ] {
            assert_eq!(document.line(path), Some(line), "{}", show_path(path));
        }
        assert_eq!(document.line(&[Step::Key("user")]), None);
    }

    #[test]
    fn a_merged_key_is_read_and_has_no_line_of_its_own() {
        let document = document("base: &base\n  timeout: 5\nsite:\n  <<: *base\n  queue: 1\n");
        let Node::Map(entries) = &document.root else { panic!("{:?}", document.root) };
        let Node::Map(site) = &entries[1].1 else { panic!("{entries:?}") };
        assert!(site.contains(&("timeout".to_owned(), Node::Integer(5))), "{site:?}");
        assert_eq!(document.line(&[Step::Key("site"), Step::Key("timeout")]), None);
    }
}
