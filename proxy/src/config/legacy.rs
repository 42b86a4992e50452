//! Keys of Swiftiply 0.6 that mean nothing here, or nothing yet. Its files load unchanged; whoever
//! relied on such a key is told once what does not happen.

/// The warning with which the old key of this name is read over, wherever it stands: 0.6 took most of them at the top
/// level, in `defaults` and in `map` entries alike.
pub(super) fn find(key: &str) -> Option<&'static str> {
    Some(match key {
        "epoll" | "kqueue" => "has no effect: the fastest way to poll is always used; remove it",
        "descriptors" | "epoll_descriptors" => {
            "has no effect: as many file descriptors are used as the system allows; remove it"
        }
        "logger" | "log_level" => "has no effect: use `log` with `access`, `error` and `level`",
        "keepalive" => "has no effect: backends always keep their links; remove it",
        "url" => "has no effect: sites are told apart by their host names only; remove it",
        "enable_sendfile_404" => "has no effect: a file that is not there is always answered 404; remove it",
        "file_cache"
        | "etag_cache"
        | "dynamic_request_cache"
        | "max_cache_size"
        | "caching"
        | "cache_threshold"
        | "chunked_encoding_threshold"
        | "descriptor_cache_threshold" => {
            "has no effect: files are cached by the system, and always up to date; remove it"
        }
        _ => return None,
    })
}
