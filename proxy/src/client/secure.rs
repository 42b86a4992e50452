//! What a site wants of clients that come without TLS: that they come again with it.

use crate::config::SiteConfig;
use crate::http::{Authority, Head};

/// The port that `https:` URLs need not name.
const HTTPS_PORT: u16 = 443;

/// Where such a client is sent.
#[derive(Debug)]
pub(super) struct Redirect {
    /// 301 for GET and HEAD, which every client and crawler understands and which cannot change their method; 308 for
    /// all others, so that method and body are sent again as they are (RFC 9110 sections 15.4.2 and 15.4.9).
    pub status: u16,
    /// The same host and path, over TLS.
    pub location: String,
}

impl Redirect {
    /// For this request, if its site wants it.
    pub fn of(head: &Head<'_>, site: &SiteConfig) -> Option<Box<Self>> {
        let port = site.redirect_to_https?;
        let status = if matches!(head.method, "GET" | "HEAD") { 301 } else { 308 };
        // HTTP/1.0 has no host; the site has one.
        let host = head.authority.as_ref().map_or(site.name.as_str(), |Authority { host, .. }| host);
        let mut location = format!("https://{host}");
        if port != HTTPS_PORT {
            location.push_str(&format!(":{port}"));
        }
        // Of the server as a whole (OPTIONS *) there is no URL.
        location.push_str(if head.target.path == "*" { "/" } else { head.target.path });
        if let Some(query) = head.target.query {
            location.push('?');
            location.push_str(query);
        }
        Some(Box::new(Self { status, location }))
    }
}
