//! What an app is told of its client is ours to say, unless a trusted proxy says it.

use crate::run::Fate::*;
use crate::run::{Case, check, check_with, with_lines};

#[test]
fn what_a_client_says_of_itself_stays_behind() {
    const CASES: &[Case] = &[
        ("X-Forwarded-For: 6.6.6.6", Passes("GET /")),
        ("x-forwarded-for: 6.6.6.6\r\nX-FORWARDED-FOR: 7.7.7.7", Passes("GET /")),
        ("X-Forwarded-Proto: https", Passes("GET /")),
        ("X-Forwarded-Host: evil.test", Passes("GET /")),
        ("X-Forwarded-Port: 443", Passes("GET /")),
        ("X-Forwarded: for=6.6.6.6", Passes("GET /")),
        ("X-Forwarded-Server: evil.test", Passes("GET /")),
        ("X-Forwarded-Prefix: /evil", Passes("GET /")),
        ("X-Forwarded-Ssl: on", Passes("GET /")),
        ("X-Forwarded-Anything: x", Passes("GET /")),
        ("Forwarded: for=6.6.6.6;proto=https", Passes("GET /")),
        ("X-Real-IP: 6.6.6.6", Passes("GET /")),
        ("x-real-ip: 6.6.6.6", Passes("GET /")),
        ("Proxy: http://evil.test", Passes("GET /")),
        ("X-Sendfile-Type: X-Accel-Redirect", Passes("GET /")),
        ("X-Accel-Mapping: /=/", Passes("GET /")),
        ("X-Forwardedness: kept", Passes("GET / [X-Forwardedness: kept]")),
        ("Via: 1.1 a", Passes("GET / [Via: 1.1 a]")),
    ];
    check(CASES, with_lines);
}

#[test]
fn a_trusted_proxy_speaks_for_its_client() {
    const CASES: &[Case] = &[
        ("X-Forwarded-For: 192.0.2.1", Passes("GET / [X-Forwarded-For: 192.0.2.1, 127.0.0.1]")),
        (
            "X-Forwarded-For: 192.0.2.1\r\nx-forwarded-for: 192.0.2.2, 192.0.2.3",
            Passes("GET / [X-Forwarded-For: 192.0.2.1, 192.0.2.2, 192.0.2.3, 127.0.0.1]"),
        ),
        ("X-Forwarded-For:", Passes("GET /")),
        ("X-Forwarded-Proto: https", Passes("GET / [X-Forwarded-Proto: https]")),
        ("X-Forwarded-Host: www.test", Passes("GET / [X-Forwarded-Host: www.test]")),
        ("X-Forwarded-Port: 443", Passes("GET / [X-Forwarded-Port: 443]")),
        ("X-Real-IP: 192.0.2.1", Passes("GET / [X-Real-IP: 192.0.2.1]")),
        ("Forwarded: for=192.0.2.1", Passes("GET / [Forwarded: for=192.0.2.1]")),
        ("X-Accel-Mapping: /=/", Passes("GET / [X-Accel-Mapping: /=/]")),
        ("Proxy: http://evil.test", Passes("GET /")),
        ("X_Forwarded_For: 6.6.6.6", Passes("GET /")),
    ];
    check_with(|config| config.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()], CASES, with_lines);
}

#[test]
fn a_site_that_tells_nothing_of_its_clients_passes_on_nothing_either() {
    const CASES: &[Case] = &[
        ("X-Forwarded-For: 192.0.2.1", Passes("GET /")),
        ("x-forwarded-proto: https", Passes("GET /")),
        ("X-FORWARDED-HOST: www.test", Passes("GET /")),
        ("X-Forwarded-Prefix: /app", Passes("GET /")),
    ];
    for trusted in ["127.0.0.0/8", "10.0.0.0/8"] {
        let change = |config: &mut swiftiply::config::Config| {
            config.sites[0].xforwardedfor = false;
            config.trusted_proxies = vec![trusted.parse().unwrap()];
        };
        check_with(change, CASES, with_lines);
    }
}
