//! A request's head as PEP 3333's environ, in one pass. The mapping to read and to reason about is
//! `adapters/wsgi/src/swiftiply/wsgi/environ.py`; this does the same with keys that are made once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};
use pyo3::{Py, intern};
use swiftiply_connector::{Body, Endpoint, Headers, Method, RequestHead, Scheme, Token, Version};

use crate::target::{check_mount, percent_decoded};
use crate::text::{address, decimal, latin1};

type Head = RequestHead<Vec<u8>>;

/// A copy of `base` with everything in it that a request's head says.
pub fn environ<'py>(py: Python<'py>, head: &Head, base: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    let environ = base.copy()?;
    environ.set_item(intern!(py, "REQUEST_METHOD"), method(py, &head.method()))?;
    environ.set_item(intern!(py, "SERVER_PROTOCOL"), protocol(py, head.version()))?;
    environ.set_item(intern!(py, "wsgi.url_scheme"), scheme(py, head.scheme()))?;
    put_target(py, &environ, head)?;
    put_server(py, &environ, head)?;
    put_client(py, &environ, head.peer())?;
    put_headers(py, &environ, head.headers())?;
    if let Body::Length(length) = head.body() {
        environ.set_item(intern!(py, "CONTENT_LENGTH"), decimal(py, length))?;
    }
    Ok(environ)
}

/// A base with a place for each variable that nearly every request sets: so its copies have the right size from the
/// start.
pub fn with_places<'py>(base: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    let base = base.copy()?;
    for place in PLACES.split_whitespace() {
        base.set_item(PyString::intern(base.py(), place), base.py().None())?;
    }
    Ok(base)
}

const PLACES: &str = "REQUEST_METHOD SERVER_PROTOCOL RAW_URI REQUEST_URI PATH_INFO QUERY_STRING \
                      SERVER_NAME SERVER_PORT REMOTE_ADDR REMOTE_PORT HTTP_HOST \
                      wsgi.url_scheme wsgi.input wsgi.early_hints";

/// What is not known is not there: a base may have kept a place for it.
fn leave_out(environ: &Bound<'_, PyDict>, variable: &Bound<'_, PyString>) -> PyResult<()> {
    if environ.contains(variable)? { environ.del_item(variable) } else { Ok(()) }
}

/// A method's name, made once for the common ones.
pub fn method<'py>(py: Python<'py>, method: &Method<'_>) -> Bound<'py, PyString> {
    static COMMON: PyOnceLock<[Py<PyString>; 7]> = PyOnceLock::new();
    let common = COMMON.get_or_init(py, || Method::common().map(|name| PyString::intern(py, name).unbind()));
    match method.number() {
        0 => latin1(py, method.as_bytes()),
        number => common[usize::from(number) - 1].bind(py).clone(),
    }
}

pub fn protocol(py: Python<'_>, version: Version) -> &Bound<'_, PyString> {
    match version {
        Version::Http10 => intern!(py, "HTTP/1.0"),
        Version::Http11 => intern!(py, "HTTP/1.1"),
        Version::Http2 => intern!(py, "HTTP/2"),
    }
}

pub fn scheme(py: Python<'_>, scheme: Scheme) -> &Bound<'_, PyString> {
    match scheme {
        Scheme::Http => intern!(py, "http"),
        Scheme::Https => intern!(py, "https"),
    }
}

fn put_target(py: Python<'_>, environ: &Bound<'_, PyDict>, head: &Head) -> PyResult<()> {
    let path = head.path();
    let raw = match head.query() {
        None => latin1(py, path),
        Some(query) => latin1(py, &[path, b"?", query].concat()),
    };
    environ.set_item(intern!(py, "RAW_URI"), &raw)?;
    environ.set_item(intern!(py, "REQUEST_URI"), &raw)?;
    environ.set_item(intern!(py, "QUERY_STRING"), latin1(py, head.query().unwrap_or_default()))?;
    let path_info = if path == b"*" {
        intern!(py, "").clone()
    } else {
        let decoded = percent_decoded(path);
        match mount(py, environ)? {
            None => latin1(py, &decoded),
            Some(mount) => {
                let text: String = decoded.iter().map(|&byte| char::from(byte)).collect();
                check_mount(&text, &mount)?;
                PyString::new(py, &text[mount.len()..])
            }
        }
    };
    environ.set_item(intern!(py, "PATH_INFO"), path_info)
}

/// The base's SCRIPT_NAME, unless it is the root.
fn mount(py: Python<'_>, environ: &Bound<'_, PyDict>) -> PyResult<Option<String>> {
    match environ.get_item(intern!(py, "SCRIPT_NAME"))? {
        Some(mount) if !mount.is_empty()? => mount.extract().map(Some),
        _ => Ok(None),
    }
}

/// The server as the client addressed it.
fn put_server(py: Python<'_>, environ: &Bound<'_, PyDict>, head: &Head) -> PyResult<()> {
    let default_port = match head.scheme() {
        Scheme::Http => intern!(py, "80"),
        Scheme::Https => intern!(py, "443"),
    };
    let (name, port) = match (head.authority(), head.local()) {
        (b"", local) => {
            leave_out(environ, intern!(py, "HTTP_HOST"))?;
            match local {
                Some(local) => (address(py, local.ip()), decimal(py, local.port().into())),
                None => (intern!(py, "localhost").clone(), default_port.clone()),
            }
        }
        (authority, _) => {
            environ.set_item(intern!(py, "HTTP_HOST"), latin1(py, authority))?;
            match split_authority(authority) {
                (name, b"") => (latin1(py, name), default_port.clone()),
                (name, port) => (latin1(py, name), latin1(py, port)),
            }
        }
    };
    environ.set_item(intern!(py, "SERVER_NAME"), name)?;
    environ.set_item(intern!(py, "SERVER_PORT"), port)
}

/// Host and port; the last colon of `[::1]` belongs to the address.
fn split_authority(authority: &[u8]) -> (&[u8], &[u8]) {
    match authority.iter().rposition(|&byte| byte == b':') {
        Some(colon) if !authority.ends_with(b"]") => (&authority[..colon], &authority[colon + 1..]),
        _ => (authority, b""),
    }
}

fn put_client(py: Python<'_>, environ: &Bound<'_, PyDict>, peer: Endpoint) -> PyResult<()> {
    let Some(peer) = peer else {
        leave_out(environ, intern!(py, "REMOTE_PORT"))?;
        return environ.set_item(intern!(py, "REMOTE_ADDR"), intern!(py, ""));
    };
    environ.set_item(intern!(py, "REMOTE_ADDR"), address(py, peer.ip()))?;
    environ.set_item(intern!(py, "REMOTE_PORT"), decimal(py, peer.port().into()))
}

fn put_headers(py: Python<'_>, environ: &Bound<'_, PyDict>, headers: Headers<'_>) -> PyResult<()> {
    let variables = variables(py);
    // Which tokens have been put: a dict need not be asked about a name that cannot be in it yet.
    let mut seen = [false; 256];
    for (name, value) in headers.iter() {
        let value = latin1(py, value);
        match name.token().or_else(|| Token::of(name.as_bytes())) {
            Some(token) => {
                let Some(variable) = variable(token, variables) else { continue };
                let seen = &mut seen[usize::from(token.number())];
                put(environ, variable.bind(py), value, std::mem::replace(seen, true))?;
            }
            // X_A would pass for X-A.
            None if name.as_bytes().contains(&b'_') => {}
            None => {
                let variable = latin1(py, variable_of(name.as_bytes()).as_bytes());
                let again = environ.contains(&variable)?;
                put(environ, &variable, value, again)?;
            }
        }
    }
    Ok(())
}

/// One header; a repeated one is joined to what is there (RFC 9110 5.3), Cookie by its own rule (RFC 6265 5.4).
fn put(
    environ: &Bound<'_, PyDict>,
    variable: &Bound<'_, PyString>,
    value: Bound<'_, PyString>,
    again: bool,
) -> PyResult<()> {
    if !again {
        return environ.set_item(variable, value);
    }
    let before = environ.get_item(variable)?;
    let before: String = before.map(|text| text.extract()).transpose()?.unwrap_or_default();
    let separator = if variable == "HTTP_COOKIE" { "; " } else { "," };
    environ.set_item(variable, format!("{before}{separator}{}", value.extract::<String>()?))
}

/// The variable of a common header; none for those that are not given as variables.
fn variable(token: Token, variables: &[Py<PyString>]) -> Option<&Py<PyString>> {
    match token {
        // The length and the host are typed fields of the head. HTTP_PROXY is where programs take their proxy from.
        Token::CONTENT_LENGTH | Token::HOST | Token::PROXY => None,
        _ => variables.get(usize::from(token.number()) - 1),
    }
}

/// By token number, from 1.
fn variables(py: Python<'_>) -> &'static [Py<PyString>] {
    static VARIABLES: PyOnceLock<Vec<Py<PyString>>> = PyOnceLock::new();
    VARIABLES.get_or_init(py, || {
        let names = Token::all().map(|token| match token {
            Token::CONTENT_TYPE => "CONTENT_TYPE".to_owned(),
            token => variable_of(token.lower().as_bytes()),
        });
        names.map(|name| PyString::intern(py, &name).unbind()).collect()
    })
}

fn variable_of(name: &[u8]) -> String {
    let upper = name.iter().map(|&byte| match byte {
        b'-' => '_',
        byte => char::from(byte.to_ascii_uppercase()),
    });
    "HTTP_".chars().chain(upper).collect()
}
