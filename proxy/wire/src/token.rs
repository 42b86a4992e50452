//! Header names that are common enough to travel as one byte.
//!
//! A token names a header *and* its usual spelling, so a language binding can map it straight to a ready-made object
//! (`HTTP_USER_AGENT`, `b"user-agent"`) without looking at a byte of it.

/// A common header name. Its number is part of the protocol: new names are only ever appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(u8);

macro_rules! tokens {
    ($($number:literal $constant:ident $canonical:literal $lower:literal)*) => {
        /// Canonical and lower-case spelling, by number minus one.
        static NAMES: &[(&str, &str)] = &[$(($canonical, $lower)),*];

        /// Numbers and places agree, and leave the top bit of a name's byte to the spelling.
        const _: () = {
            let numbers: &[u8] = &[$($number),*];
            let mut i = 0;
            while i < numbers.len() {
                assert!(numbers[i] as usize == i + 1 && numbers[i] < 0x80);
                i += 1;
            }
        };

        #[allow(missing_docs)] // The constant's name is the header's.
        impl Token { $(pub const $constant: Token = Token($number);)* }
    };
}

tokens! {
    1 HOST "Host" "host"
    2 USER_AGENT "User-Agent" "user-agent"
    3 ACCEPT "Accept" "accept"
    4 ACCEPT_ENCODING "Accept-Encoding" "accept-encoding"
    5 ACCEPT_LANGUAGE "Accept-Language" "accept-language"
    6 CONNECTION "Connection" "connection"
    7 COOKIE "Cookie" "cookie"
    8 CONTENT_TYPE "Content-Type" "content-type"
    9 CONTENT_LENGTH "Content-Length" "content-length"
    10 REFERER "Referer" "referer"
    11 ORIGIN "Origin" "origin"
    12 CACHE_CONTROL "Cache-Control" "cache-control"
    13 PRAGMA "Pragma" "pragma"
    14 AUTHORIZATION "Authorization" "authorization"
    15 IF_NONE_MATCH "If-None-Match" "if-none-match"
    16 IF_MODIFIED_SINCE "If-Modified-Since" "if-modified-since"
    17 IF_MATCH "If-Match" "if-match"
    18 IF_UNMODIFIED_SINCE "If-Unmodified-Since" "if-unmodified-since"
    19 IF_RANGE "If-Range" "if-range"
    20 RANGE "Range" "range"
    21 EXPECT "Expect" "expect"
    22 TE "TE" "te"
    23 TRAILER "Trailer" "trailer"
    24 UPGRADE "Upgrade" "upgrade"
    25 UPGRADE_INSECURE_REQUESTS "Upgrade-Insecure-Requests" "upgrade-insecure-requests"
    26 X_FORWARDED_FOR "X-Forwarded-For" "x-forwarded-for"
    27 X_FORWARDED_PROTO "X-Forwarded-Proto" "x-forwarded-proto"
    28 X_FORWARDED_HOST "X-Forwarded-Host" "x-forwarded-host"
    29 X_FORWARDED_PORT "X-Forwarded-Port" "x-forwarded-port"
    30 FORWARDED "Forwarded" "forwarded"
    31 X_REAL_IP "X-Real-IP" "x-real-ip"
    32 X_REQUEST_ID "X-Request-ID" "x-request-id"
    33 X_REQUESTED_WITH "X-Requested-With" "x-requested-with"
    34 X_CSRF_TOKEN "X-CSRF-Token" "x-csrf-token"
    35 DNT "DNT" "dnt"
    36 SEC_FETCH_SITE "Sec-Fetch-Site" "sec-fetch-site"
    37 SEC_FETCH_MODE "Sec-Fetch-Mode" "sec-fetch-mode"
    38 SEC_FETCH_USER "Sec-Fetch-User" "sec-fetch-user"
    39 SEC_FETCH_DEST "Sec-Fetch-Dest" "sec-fetch-dest"
    40 SEC_CH_UA "Sec-CH-UA" "sec-ch-ua"
    41 SEC_CH_UA_MOBILE "Sec-CH-UA-Mobile" "sec-ch-ua-mobile"
    42 SEC_CH_UA_PLATFORM "Sec-CH-UA-Platform" "sec-ch-ua-platform"
    43 PRIORITY "Priority" "priority"
    44 ACCEPT_CHARSET "Accept-Charset" "accept-charset"
    45 TRANSFER_ENCODING "Transfer-Encoding" "transfer-encoding"
    46 KEEP_ALIVE "Keep-Alive" "keep-alive"
    47 PROXY_CONNECTION "Proxy-Connection" "proxy-connection"
    48 PROXY_AUTHORIZATION "Proxy-Authorization" "proxy-authorization"
    49 PROXY_AUTHENTICATE "Proxy-Authenticate" "proxy-authenticate"
    50 VIA "Via" "via"
    51 TRACEPARENT "Traceparent" "traceparent"
    52 TRACESTATE "Tracestate" "tracestate"
    53 SEC_WEBSOCKET_KEY "Sec-WebSocket-Key" "sec-websocket-key"
    54 SEC_WEBSOCKET_VERSION "Sec-WebSocket-Version" "sec-websocket-version"
    55 SEC_WEBSOCKET_PROTOCOL "Sec-WebSocket-Protocol" "sec-websocket-protocol"
    56 SEC_WEBSOCKET_EXTENSIONS "Sec-WebSocket-Extensions" "sec-websocket-extensions"
    57 SEC_WEBSOCKET_ACCEPT "Sec-WebSocket-Accept" "sec-websocket-accept"
    58 DATE "Date" "date"
    59 SERVER "Server" "server"
    60 SET_COOKIE "Set-Cookie" "set-cookie"
    61 LOCATION "Location" "location"
    62 ETAG "ETag" "etag"
    63 LAST_MODIFIED "Last-Modified" "last-modified"
    64 EXPIRES "Expires" "expires"
    65 VARY "Vary" "vary"
    66 CONTENT_ENCODING "Content-Encoding" "content-encoding"
    67 CONTENT_LANGUAGE "Content-Language" "content-language"
    68 CONTENT_LOCATION "Content-Location" "content-location"
    69 CONTENT_RANGE "Content-Range" "content-range"
    70 CONTENT_DISPOSITION "Content-Disposition" "content-disposition"
    71 CONTENT_SECURITY_POLICY "Content-Security-Policy" "content-security-policy"
    72 STRICT_TRANSPORT_SECURITY "Strict-Transport-Security" "strict-transport-security"
    73 X_CONTENT_TYPE_OPTIONS "X-Content-Type-Options" "x-content-type-options"
    74 X_FRAME_OPTIONS "X-Frame-Options" "x-frame-options"
    75 X_XSS_PROTECTION "X-XSS-Protection" "x-xss-protection"
    76 REFERRER_POLICY "Referrer-Policy" "referrer-policy"
    77 PERMISSIONS_POLICY "Permissions-Policy" "permissions-policy"
    78 X_POWERED_BY "X-Powered-By" "x-powered-by"
    79 X_RUNTIME "X-Runtime" "x-runtime"
    80 X_DOWNLOAD_OPTIONS "X-Download-Options" "x-download-options"
    81 X_PERMITTED_CROSS_DOMAIN_POLICIES "X-Permitted-Cross-Domain-Policies" "x-permitted-cross-domain-policies"
    82 ACCESS_CONTROL_ALLOW_ORIGIN "Access-Control-Allow-Origin" "access-control-allow-origin"
    83 ACCESS_CONTROL_ALLOW_METHODS "Access-Control-Allow-Methods" "access-control-allow-methods"
    84 ACCESS_CONTROL_ALLOW_HEADERS "Access-Control-Allow-Headers" "access-control-allow-headers"
    85 ACCESS_CONTROL_ALLOW_CREDENTIALS "Access-Control-Allow-Credentials" "access-control-allow-credentials"
    86 ACCESS_CONTROL_EXPOSE_HEADERS "Access-Control-Expose-Headers" "access-control-expose-headers"
    87 ACCESS_CONTROL_MAX_AGE "Access-Control-Max-Age" "access-control-max-age"
    88 ACCESS_CONTROL_REQUEST_METHOD "Access-Control-Request-Method" "access-control-request-method"
    89 ACCESS_CONTROL_REQUEST_HEADERS "Access-Control-Request-Headers" "access-control-request-headers"
    90 ACCEPT_RANGES "Accept-Ranges" "accept-ranges"
    91 AGE "Age" "age"
    92 ALLOW "Allow" "allow"
    93 ALT_SVC "Alt-Svc" "alt-svc"
    94 LINK "Link" "link"
    95 RETRY_AFTER "Retry-After" "retry-after"
    96 WWW_AUTHENTICATE "WWW-Authenticate" "www-authenticate"
    97 PROXY "Proxy" "proxy"
    98 X_HTTP_METHOD_OVERRIDE "X-HTTP-Method-Override" "x-http-method-override"
    99 X_AMZN_TRACE_ID "X-Amzn-Trace-Id" "x-amzn-trace-id"
    100 LAST_EVENT_ID "Last-Event-ID" "last-event-id"
}

impl Token {
    /// The token with this number, if there is one.
    #[inline]
    pub fn from_number(number: u8) -> Option<Token> {
        (number >= 1 && usize::from(number) <= NAMES.len()).then_some(Token(number))
    }

    /// Its number on the wire, from 1.
    #[inline]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its usual spelling: `Content-Type`.
    #[inline]
    pub fn canonical(self) -> &'static str {
        NAMES[usize::from(self.0) - 1].0
    }

    /// Its spelling in lower case: `content-type`.
    #[inline]
    pub fn lower(self) -> &'static str {
        NAMES[usize::from(self.0) - 1].1
    }

    /// Every token, in the order of their numbers.
    pub fn all() -> impl ExactSizeIterator<Item = Token> {
        (1..=NAMES.len() as u8).map(Token)
    }

    /// The token of a name in any case.
    #[inline]
    pub fn of(name: &[u8]) -> Option<Token> {
        Self::find(name).map(|(token, _)| token)
    }

    /// The token of a name, and how that is spelled.
    #[inline]
    pub(crate) fn find(name: &[u8]) -> Option<(Token, Spelling)> {
        if name.is_empty() {
            return None;
        }
        let mut at = hash(name);
        loop {
            let number = TABLE[at];
            if number == 0 {
                return None;
            }
            let token = Token(number);
            if let Some(spelling) = token.spelling_of(name) {
                return Some((token, spelling));
            }
            at = (at + 1) % TABLE.len();
        }
    }

    /// The two usual spellings first: one comparison of memory each.
    #[inline]
    fn spelling_of(self, name: &[u8]) -> Option<Spelling> {
        let (canonical, lower) = NAMES[usize::from(self.0) - 1];
        if name.len() != canonical.len() {
            None
        } else if name == canonical.as_bytes() {
            Some(Spelling::Canonical)
        } else if name == lower.as_bytes() {
            Some(Spelling::Lower)
        } else {
            name.eq_ignore_ascii_case(lower.as_bytes()).then_some(Spelling::Other)
        }
    }
}

/// How a name that has a token is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    Canonical,
    Lower,
    Other,
}

/// Open addressing over [`NAMES`], built at compile time; zero is an empty place.
static TABLE: [u8; 512] = {
    let mut table = [0u8; 512];
    let mut i = 0;
    while i < NAMES.len() {
        let mut at = hash(NAMES[i].1.as_bytes());
        while table[at] != 0 {
            at = (at + 1) % table.len();
        }
        table[at] = i as u8 + 1;
        i += 1;
    }
    table
};

/// Four bytes and the length tell the common names apart well enough; case does not count.
const fn hash(name: &[u8]) -> usize {
    let n = name.len();
    let first = (name[0] | 0x20) as usize;
    let middle = (name[n / 2] | 0x20) as usize;
    let quarter = (name[n / 4 * 3] | 0x20) as usize;
    let last = (name[n - 1] | 0x20) as usize;
    (first * 7 + quarter * 131 + middle * 31 + last * 59 + n * 17) % 512
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_its_spellings_agree() {
        for token in Token::all() {
            assert_eq!(token.canonical().to_ascii_lowercase(), token.lower());
            for name in
                [token.canonical().to_owned(), token.lower().to_owned(), token.lower().to_ascii_uppercase()]
            {
                assert_eq!(Token::of(name.as_bytes()), Some(token), "{name}");
            }
        }
        assert_eq!(Token::all().len(), NAMES.len());
        assert_eq!(Token::X_AMZN_TRACE_ID.canonical(), "X-Amzn-Trace-Id");
    }

    #[test]
    fn other_names_have_no_token() {
        for name in ["", "x", "hos", "hostt", "x-custom", "content_length"] {
            assert_eq!(Token::of(name.as_bytes()), None, "{name}");
        }
        assert_eq!(Token::from_number(0), None);
        assert_eq!(Token::from_number(101), None);
    }
}
