//! Plain values, straight from the events of a YAML parser: ten thousand sites are read at every start, so nothing
//! stands between.

use std::fmt;

use serde::de::{
    Deserialize, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// One value of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// How the error begins that says that a mapping has a key twice; the key follows in quotes.
pub(super) const KEY_TWICE: &str = "duplicate entry with key";

/// `<<: *base` is part of YAML 1.1, which 0.6 files are written in.
const MERGE: &str = "<<";

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        value.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    /// A file without content.
    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, yes: bool) -> Result<Node, E> {
        Ok(Node::Bool(yes))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Node, E> {
        Ok(Node::Integer(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Node, E> {
        Ok(Node::Integer(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Node, E> {
        Ok(Node::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut map: Vec<(String, Node)> = Vec::new();
        let mut bases = Vec::new();
        while let Some(key) = entries.next_key()? {
            let key = key_text(key);
            let value = entries.next_value()?;
            match key == MERGE {
                true => bases.push(value),
                false => map.push((key, value)),
            }
        }
        if let Some(key) = twice(&map) {
            return Err(A::Error::custom(format_args!("{KEY_TWICE} {key:?}")));
        }
        bases.into_iter().try_for_each(|base| merge(&mut map, base))?;
        Ok(Node::Map(map))
    }

    /// `!tag value`: no tag means anything here.
    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Node, A::Error> {
        let (_, value) = tagged.variant::<IgnoredAny>()?;
        value.newtype_variant()
    }
}

/// The name of a key, for one that is no text (`80: x`) as it would be written.
fn key_text(key: Node) -> String {
    match key {
        Node::Text(text) => text,
        Node::Null => "null".to_owned(),
        Node::Bool(yes) => yes.to_string(),
        Node::Integer(number) => number.to_string(),
        Node::Float(number) => number.to_string(),
        Node::List(_) => "[…]".to_owned(),
        Node::Map(_) => "{…}".to_owned(),
    }
}

fn twice(map: &[(String, Node)]) -> Option<&str> {
    let mut keys: Vec<&str> = map.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// Adds what a base has and the mapping itself has not.
fn merge<E: Error>(map: &mut Vec<(String, Node)>, base: Node) -> Result<(), E> {
    match base {
        Node::Map(entries) => {
            for (key, value) in entries {
                if !map.iter().any(|(own, _)| *own == key) {
                    map.push((key, value));
                }
            }
            Ok(())
        }
        Node::List(bases) => bases.into_iter().try_for_each(|base| merge(map, base)),
        _ => Err(E::custom("`<<` takes a mapping, or a list of them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node, String> {
        serde_yaml::from_str(text).map_err(|error| error.to_string())
    }

    fn map(entries: &[(&str, Node)]) -> Node {
        Node::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let text =
            "a: ~\nb: true\nc: -3\nd: 1.5\ne: yes\nf: [1, x]\ng: {}\n80: !tag z\n18446744073709551615: 0\n";
        let expected = map(&[
            ("a", Node::Null),
            ("b", Node::Bool(true)),
            ("c", Node::Integer(-3)),
            ("d", Node::Float(1.5)),
            ("e", Node::Text("yes".to_owned())),
            ("f", Node::List(vec![Node::Integer(1), Node::Text("x".to_owned())])),
            ("g", map(&[])),
            ("80", Node::Text("z".to_owned())),
            ("18446744073709551615", Node::Integer(0)),
        ]);
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn a_file_without_content_is_a_value_too() {
        assert_eq!(read(""), Ok(Node::Null));
        assert_eq!(read("# nothing\n"), Ok(Node::Null));
    }

    #[test]
    fn a_key_twice_is_named() {
        let error = read("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert!(error.starts_with("duplicate entry with key \"a\""), "{error}");
    }

    #[test]
    fn what_is_merged_never_wins_and_the_first_base_wins_over_the_next() {
        let text = "x: &x {p: 1, q: 1}\ny: &y {q: 2, r: 2}\nz: {r: 3, <<: [*x, *y]}\n";
        let Node::Map(entries) = read(text).unwrap() else { panic!("not a mapping") };
        let expected = map(&[("r", Node::Integer(3)), ("p", Node::Integer(1)), ("q", Node::Integer(1))]);
        assert_eq!(entries[2].1, expected);
        assert!(read("a: {<<: 1}").unwrap_err().contains("`<<` takes a mapping"));
    }
}
