//! Keys and values as the file gives them: a [`Section`] is a mapping, a [`Field`] is one of its values
//! and knows how to be read as a number, a time, a size… or to say what should stand there instead.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::error::{ConfigError, Fault};
use super::file::{Document, Step, show_path};
use super::node::Node;

/// A mapping of the file.
#[derive(Clone)]
pub(super) struct Section<'d> {
    document: &'d Document,
    path: Vec<Step<'d>>,
    entries: &'d [(String, Node)],
}

impl<'d> Section<'d> {
    /// The whole file. One without content is a section without keys.
    pub fn root(document: &'d Document) -> Result<Self, ConfigError> {
        Field { document, path: Vec::new(), node: &document.root }.section()
    }

    /// The value of a key; None too for a key without a value (`timeout:`).
    pub fn field(&self, key: &str) -> Option<Field<'d>> {
        let (key, node) = self.entries.iter().find(|(name, _)| name == key)?;
        Some(self.entry(key, node)).filter(|_| *node != Node::Null)
    }

    /// All values, those that are empty too.
    pub fn fields(&self) -> impl Iterator<Item = Field<'d>> {
        self.entries.iter().map(|(key, node)| self.entry(key, node))
    }

    fn entry(&self, key: &'d str, node: &'d Node) -> Field<'d> {
        let path = self.path.iter().copied().chain([Step::Key(key)]).collect();
        Field { document: self.document, path, node }
    }

    /// The fault of a key that is not there.
    pub fn missing(&self, key: &'d str, wanted: &'static str) -> ConfigError {
        let mut place = self.document.place(&self.path);
        place.key = show_path(&[&self.path[..], &[Step::Key(key)]].concat());
        ConfigError::Fault { place, fault: Fault::Missing { wanted } }
    }
}

/// One value of the file.
#[derive(Clone)]
pub(super) struct Field<'d> {
    document: &'d Document,
    path: Vec<Step<'d>>,
    node: &'d Node,
}

impl<'d> Field<'d> {
    /// The name of the key whose value this is.
    pub fn key(&self) -> &'d str {
        match self.path.last() {
            Some(Step::Key(key)) => key,
            _ => "",
        }
    }

    /// `map[1].outgoing`
    pub fn path(&self) -> String {
        show_path(&self.path)
    }

    pub fn place(&self) -> super::Place {
        self.document.place(&self.path)
    }

    pub fn fault(&self, fault: Fault) -> ConfigError {
        ConfigError::Fault { place: self.place(), fault }
    }

    pub fn section(&self) -> Result<Section<'d>, ConfigError> {
        let entries: &[_] = match self.node {
            Node::Map(entries) => entries,
            Node::Null => &[],
            _ => return Err(self.wrong("keys with their values, like `cluster_port: 80`")),
        };
        Ok(Section { document: self.document, path: self.path.clone(), entries })
    }

    /// Whether it is a mapping.
    pub fn is_section(&self) -> bool {
        matches!(self.node, Node::Map(_))
    }

    /// The items of a list; one value stands for a list of itself.
    pub fn items(&self) -> Vec<Field<'d>> {
        let Node::List(items) = self.node else { return vec![self.clone()] };
        let item = |(index, node)| {
            let path = self.path.iter().copied().chain([Step::Item(index)]).collect();
            Field { document: self.document, path, node }
        };
        items.iter().enumerate().map(item).collect()
    }

    pub fn text(&self, wanted: &str) -> Result<&'d str, ConfigError> {
        match self.node {
            Node::Text(text) => Ok(text),
            _ => Err(self.wrong(wanted)),
        }
    }

    /// A truth value in any spelling of YAML 1.1, quoted or not.
    pub fn boolean(&self) -> Result<bool, ConfigError> {
        self.as_boolean().ok_or_else(|| self.wrong("true or false"))
    }

    /// The same, where something else may stand too.
    pub fn as_boolean(&self) -> Option<bool> {
        match self.node {
            Node::Bool(yes) => Some(*yes),
            Node::Text(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "y" => Some(true),
                "false" | "no" | "off" | "n" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A whole number, quoted or not.
    pub fn number<N>(&self, range: RangeInclusive<N>) -> Result<N, ConfigError>
    where
        N: TryFrom<i128> + PartialOrd + Display,
    {
        self.ranged(self.integer(), &range, format!("a number from {} to {}", range.start(), range.end()))
    }

    /// Bytes: a whole number, or one with k, m or g for a power of 1024, as in nginx.
    pub fn bytes<N>(&self, range: RangeInclusive<N>) -> Result<N, ConfigError>
    where
        N: TryFrom<i128> + PartialOrd + Display,
    {
        let wanted =
            format!("a size in bytes from {} to {}, like 16384, 16k or 1m", range.start(), range.end());
        self.ranged(self.integer().or_else(|| parse_size(self.scalar_text()?)), &range, wanted)
    }

    /// A time: a number of seconds, or one with ms, s, m, h or d.
    pub fn duration(&self, range: RangeInclusive<Duration>) -> Result<Duration, ConfigError> {
        let seconds = match self.node {
            Node::Integer(n) => Some(*n as f64),
            Node::Float(n) => Some(*n),
            _ => self.scalar_text().and_then(parse_seconds),
        };
        let found = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()).filter(|d| range.contains(d));
        found.ok_or_else(|| {
            let (least, most) = (range.start().as_secs_f64(), range.end().as_secs_f64());
            self.wrong(&format!("a time from {least} to {most} seconds, like 10, 2.5, 500ms or 2m"))
        })
    }

    /// The fault of a value that this key cannot have.
    pub fn wrong(&self, wanted: &str) -> ConfigError {
        let found = match self.node {
            Node::Null => "nothing".to_owned(),
            Node::Bool(yes) => yes.to_string(),
            Node::Integer(n) => n.to_string(),
            Node::Float(n) => n.to_string(),
            Node::Text(text) => format!("{text:?}"),
            Node::List(_) => "a list".to_owned(),
            Node::Map(_) => "a mapping".to_owned(),
        };
        self.fault(Fault::WrongValue { found, wanted: wanted.to_owned() })
    }

    /// Text, or an integer as its digits (a user's name or number).
    pub fn word(&self, wanted: &str) -> Result<String, ConfigError> {
        match self.node {
            Node::Text(text) if !text.is_empty() => Ok(text.clone()),
            Node::Integer(n) => Ok(n.to_string()),
            _ => Err(self.wrong(wanted)),
        }
    }

    /// Text or a number, as text.
    pub fn literal(&self) -> Option<String> {
        match self.node {
            Node::Text(text) => Some(text.trim().to_owned()),
            Node::Integer(n) => Some(n.to_string()),
            Node::Float(n) => Some(n.to_string()),
            _ => None,
        }
    }

    fn scalar_text(&self) -> Option<&'d str> {
        match self.node {
            Node::Text(text) => Some(text.trim()),
            _ => None,
        }
    }

    /// A whole number; `16_384` too, as YAML 1.1 allows.
    fn integer(&self) -> Option<i128> {
        match self.node {
            Node::Integer(n) => Some(*n),
            Node::Text(text) => text.trim().replace('_', "").parse().ok(),
            _ => None,
        }
    }

    fn ranged<N>(
        &self,
        value: Option<i128>,
        range: &RangeInclusive<N>,
        wanted: String,
    ) -> Result<N, ConfigError>
    where
        N: TryFrom<i128> + PartialOrd,
    {
        value
            .and_then(|n| N::try_from(n).ok())
            .filter(|n| range.contains(n))
            .ok_or_else(|| self.wrong(&wanted))
    }
}

/// `64k`, `1M`, `2GiB`, `512b`
fn parse_size(text: &str) -> Option<i128> {
    let text = text.to_ascii_lowercase();
    let (digits, unit) = split_unit(&text);
    let factor = match unit {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    digits.parse::<i128>().ok()?.checked_mul(factor)
}

/// `10`, `2.5`, `500ms`, `30s`, `2m`, `1h`, `365d`
fn parse_seconds(text: &str) -> Option<f64> {
    let (digits, unit) = split_unit(text);
    let factor = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return None,
    };
    Some(digits.parse::<f64>().ok()? * factor)
}

fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Reads `value: TEXT` by `read`.
    fn read<T>(text: &str, read: impl Fn(&Field) -> Result<T, ConfigError>) -> Option<T> {
        let document = Document::parse(format!("value: {text}\n"), Path::new("test.yml")).unwrap();
        let field = Section::root(&document).unwrap().field("value").unwrap();
        read(&field).ok()
    }

    #[test]
    fn truth_has_every_spelling_of_yaml_1_1() {
        for text in ["true", "True", "yes", "YES", "on", "y", "'yes'", "\"on\""] {
            assert_eq!(read(text, |f| f.boolean()), Some(true), "{text}");
        }
        for text in ["false", "no", "No", "off", "OFF", "n", "\"no\""] {
            assert_eq!(read(text, |f| f.boolean()), Some(false), "{text}");
        }
        for text in ["1", "maybe", "[yes]", "''"] {
            assert_eq!(read(text, |f| f.boolean()), None, "{text}");
        }
    }

    #[test]
    fn times_have_units() {
        let any = Duration::ZERO..=Duration::from_secs(86_400);
        for (text, ms) in [("10", 10_000), ("2.5", 2_500), ("'3'", 3_000), ("500ms", 500), ("30s", 30_000)] {
            assert_eq!(read(text, |f| f.duration(any.clone())), Some(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(read("2m", |f| f.duration(any.clone())), Some(Duration::from_secs(120)));
        assert_eq!(read("1 h", |f| f.duration(any.clone())), Some(Duration::from_secs(3600)));
        assert_eq!(read("1d", |f| f.duration(any.clone())), Some(Duration::from_secs(86_400)));
        for text in ["-1", "soon", "10x", "1.2.3", "90000", ".nan", ".inf", "[1]", "true", "''"] {
            assert_eq!(read(text, |f| f.duration(any.clone())), None, "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("16384", 16_384),
            ("16_384", 16_384),
            ("16k", 16_384),
            ("1M", 1 << 20),
            ("2 GiB", 2 << 30),
            ("512b", 512),
        ] {
            assert_eq!(read(text, |f| f.bytes(0..=u64::MAX)), Some(bytes), "{text}");
        }
        for text in
            ["-1", "1.5m", "k", "1t", "'99999999999999999999'", "170141183460469231731687303715884105727g"]
        {
            assert_eq!(read(text, |f| f.bytes(0..=u64::MAX)), None, "{text}");
        }
    }

    #[test]
    fn numbers_stay_in_their_range() {
        assert_eq!(read("80", |f| f.number(0..=u16::MAX)), Some(80));
        assert_eq!(read("'80'", |f| f.number(0..=u16::MAX)), Some(80));
        for text in ["65536", "-1", "1.5", "eighty", "80k"] {
            assert_eq!(read(text, |f| f.number(0..=u16::MAX)), None, "{text}");
        }
    }
}
