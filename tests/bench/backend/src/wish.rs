//! What a request asks for by its path.

/// The reply that is wanted: `/` is the greeting, at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// `/sleep/5`: after so many milliseconds, in which this thread does nothing else.
    pub sleep_ms: u64,
    /// `/bytes/1000`: so many bytes, instead of the greeting.
    pub bytes: Option<u64>,
}

impl Wish {
    /// Of a request's path. What makes no sense is answered like `/`.
    pub fn of(path: &[u8]) -> Self {
        if path == b"/" {
            return Self::default();
        }
        match path.strip_prefix(b"/sleep/") {
            Some(digits) => Self { sleep_ms: number(digits).unwrap_or(0), bytes: None },
            None => Self { sleep_ms: 0, bytes: path.strip_prefix(b"/bytes/").and_then(number) },
        }
    }

    /// Sleeps, if that was wanted.
    pub fn wait(&self) {
        if self.sleep_ms > 0 {
            std::thread::sleep(std::time::Duration::from_millis(self.sleep_ms));
        }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_wish() {
        assert_eq!(Wish::of(b"/"), Wish::default());
        assert_eq!(Wish::of(b"/sleep/500"), Wish { sleep_ms: 500, bytes: None });
        assert_eq!(Wish::of(b"/bytes/1000"), Wish { sleep_ms: 0, bytes: Some(1000) });
        assert_eq!(Wish::of(b"/bytes/many"), Wish::default());
    }
}
