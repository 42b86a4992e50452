//! Why a client's message is refused.

/// One table of variant, status and sentence.
macro_rules! refusals {
    ($($variant:ident $status:literal $sentence:literal)*) => {
        /// A client's message that we will not pass on. The connection is always closed after the answer: where one
        /// message could not be read, nothing says where the next begins (RFC 9112 section 9.6).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Refusal { $(#[doc = $sentence] $variant),* }

        impl Refusal {
            /// The status that answers it.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// One sentence for the client and the log.
            pub fn explain(self) -> &'static str {
                match self { $(Self::$variant => $sentence),* }
            }

            /// All of them, for tests and documentation.
            pub const ALL: &'static [Refusal] = &[$(Self::$variant),*];
        }
    };
}

refusals! {
    // The head as a whole
    BareLf                  400 "A line ends in LF without CR."
    BareCr                  400 "A CR is not followed by LF."
    TooManyEmptyLines       400 "More than two empty lines stand before the request line."
    HeadTooLarge            431 "The request's head is larger than this server accepts."
    TooManyHeaders          431 "The request has more headers than this server accepts."

    // The request line
    RequestLineTooLong      414 "The request line is longer than this server accepts."
    BadRequestLine          400 "The request line is not a method, a target and a version with one space between."
    BadMethod               400 "The method is not a token."
    BadTarget               400 "The request target is not a path, an http URL or an asterisk."
    FragmentInTarget        400 "The request target contains a fragment."
    BadEscape               400 "The path contains a broken or forbidden percent escape."
    AsteriskWithoutOptions  400 "The target * belongs to OPTIONS only."
    MethodNotAllowed        405 "CONNECT and TRACE are not served here."
    UnknownProtocol         501 "The only protocol that a CONNECT can ask for here is websocket."
    BadVersion              400 "The protocol version is malformed."
    UnsupportedVersion      505 "The protocol version is not served here."

    // Header lines
    LeadingWhitespace       400 "Whitespace stands before the first header."
    FoldedHeader            400 "A header is continued on a second line."
    MissingColon            400 "A header line has no colon."
    EmptyHeaderName         400 "A header has no name."
    SpaceBeforeColon        400 "Whitespace stands between a header's name and its colon."
    BadHeaderName           400 "A header's name is not a token."
    BadHeaderValue          400 "A header's value contains a control character."
    PaddedValue             400 "A header's value begins or ends with whitespace."
    TooManyOptions          400 "The Connection header names more options than this server accepts."
    RepeatedContentType     400 "There is more than one Content-Type header."
    UnknownExpectation      417 "Only the expectation 100-continue can be met."

    // Host
    MissingHost             400 "An HTTP/1.1 request needs a Host header."
    RepeatedHost            400 "There is more than one Host header."
    ConflictingHost         400 "The Host header names another host than :authority."
    BadHost                 400 "The host is not a name or an address with an optional port."

    // Framing of the body
    BadContentLength        400 "The Content-Length is not one decimal number that fits 64 bits."
    RepeatedContentLength   400 "There is more than one Content-Length header."
    LengthAndCoding         400 "Content-Length and Transfer-Encoding stand together."
    CodingInHttp10          400 "Transfer-Encoding does not exist in HTTP/1.0."
    RepeatedCoding          400 "There is more than one Transfer-Encoding header."
    BadCoding               400 "The Transfer-Encoding is malformed or does not end in a single chunked."
    UnknownCoding           501 "The only transfer coding understood here is chunked."

    // The body
    BadChunkSize            400 "A chunk's size is not a hexadecimal number of at most 16 digits."
    BadChunkExtension       400 "A chunk's extension is malformed."
    ChunkExtensionsTooLong  400 "The chunk extensions are longer than this server accepts."
    BadChunkEnd             400 "A chunk's data is not followed by CRLF."
    TrailersTooLarge        431 "The trailers are larger than this server accepts."
    TooManyTrailers         431 "There are more trailers than this server accepts."
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.explain())
    }
}

impl std::error::Error for Refusal {}
