//! Warnings, one for each thing to say: what ten thousand sites have in common is said once.

use super::error::Warning;
use super::section::Field;

#[derive(Default)]
pub(super) struct Warnings {
    found: Vec<(Warning, Vec<String>)>,
}

impl Warnings {
    /// Something to say about a value. What was said before about another one is not repeated: that
    /// one's path joins it.
    pub fn add(&mut self, field: &Field, text: &str) {
        match self.found.iter_mut().find(|(warning, _)| warning.text == text) {
            Some((_, also)) => also.push(field.path()),
            None => self.found.push((Warning { place: field.place(), text: text.to_owned() }, Vec::new())),
        }
    }

    pub fn finish(self) -> Vec<Warning> {
        self.found.into_iter().map(|(warning, also)| with_places(warning, &also)).collect()
    }
}

fn with_places(mut warning: Warning, also: &[String]) -> Warning {
    match also {
        [] => {}
        [one] => warning.text += &format!(" (so too {one})"),
        [one, rest @ ..] => warning.text += &format!(" (so too {one} and {} more)", rest.len()),
    }
    warning
}
