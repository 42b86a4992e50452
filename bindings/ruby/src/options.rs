//! The keyword arguments of `Swiftiply::Connector.new`.

use magnus::scan_args::{get_kwargs, scan_args};
use magnus::{Error, RString, Ruby, Value};
use swiftiply_connector::{Address, Key, Options};

use crate::errors;
use crate::raw::bytes_of;

/// Reads `connect:`, `slots:`, `tunnels:`, `key:`, `key_file:`, `label:` and `adapter:`.
pub(crate) fn read(ruby: &Ruby, arguments: &[Value]) -> Result<Options, Error> {
    let given = scan_args::<(), (), (), (), _, ()>(arguments)?;
    type Optional =
        (Option<Option<RString>>, Option<Option<String>>, Option<String>, Option<String>, Option<u32>);
    let keywords = get_kwargs::<_, (Vec<String>, i64), Optional, ()>(
        given.keywords,
        &["connect", "slots"],
        &["key", "key_file", "label", "adapter", "tunnels"],
    )?;
    let (addresses, slots) = keywords.required;
    let (key, key_file, label, adapter, tunnels) = keywords.optional;
    Ok(Options {
        connect: connect(ruby, &addresses)?,
        key: read_key(ruby, key.flatten(), key_file.flatten())?,
        slots: to_slots(ruby, slots)?,
        tunnels: tunnels.unwrap_or(0),
        label: label.unwrap_or_default(),
        language: language(ruby)?,
        adapter: adapter.unwrap_or_default(),
    })
}

/// A number of slots; the core has the last word on its size.
pub(crate) fn to_slots(ruby: &Ruby, slots: i64) -> Result<u16, Error> {
    u16::try_from(slots)
        .map_err(|_| errors::configuration(ruby, format!("{slots} slots are too few or too many")))
}

fn connect(ruby: &Ruby, texts: &[String]) -> Result<Vec<Address>, Error> {
    texts.iter().map(|text| text.parse().map_err(|error| errors::configuration(ruby, error))).collect()
}

fn read_key(ruby: &Ruby, key: Option<RString>, file: Option<String>) -> Result<Option<Key>, Error> {
    let key = match (key, file) {
        (Some(key), _) => Key::new(bytes_of(key, <[u8]>::to_vec)),
        (None, Some(file)) => Key::from_file(file),
        (None, None) => return Ok(None),
    };
    key.map(Some).map_err(|error| errors::configuration(ruby, error))
}

fn language(ruby: &Ruby) -> Result<String, Error> {
    let version: String = ruby.eval("RUBY_ENGINE + ' ' + RUBY_VERSION")?;
    Ok(version)
}
