//! Descriptors: every client is one, and every link.

use nix::sys::resource::{Resource, getrlimit};

/// What is left of the descriptors when the proxy has started is shared: clients may have all but this part of it, so that
/// backends can dial in, log files be opened anew and a configuration be read while clients have taken all of theirs.
const KEPT_PART: usize = 4;

/// The most that is kept so: links of 64 backends to each of 64 shards.
const KEPT_MAX: usize = 4096;

/// What the loop of one shard opens: its event queue and its doorbell, and a little room.
const OF_A_SHARD: usize = 4;

/// Where the standard streams and a few more are counted on if the system does not tell what is open.
const OPEN_USUALLY: usize = 32;

/// How many clients may be connected at once, so that links still find descriptors.
pub(super) fn clients_max(shards: usize) -> usize {
    // Without a limit that can be read there is none that could be kept.
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    let open = std::fs::read_dir("/dev/fd").map_or(OPEN_USUALLY, Iterator::count);
    share(usize::try_from(limit).unwrap_or(usize::MAX), open + shards * OF_A_SHARD)
}

fn share(limit: usize, open: usize) -> usize {
    let left = limit.saturating_sub(open);
    (left - (left / KEPT_PART).min(KEPT_MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_kept_for_links_but_no_more_than_they_could_use() {
        assert_eq!(share(1_024, 24), 750);
        assert_eq!(share(1_048_576, 1_000), 1_047_576 - KEPT_MAX);
        assert_eq!(share(16, 40), 1, "one at a time, if need be");
        assert!(clients_max(1) > 1, "of this very process");
    }
}
