"""As much of a browser as the examples' pages need: cookies, forms, redirects; one kept connection."""

import http.client
import json
import time
import urllib.parse
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie

#: Longer than any page may take, a request that is held while its app boots included.
TIMEOUT_S = 60.0
#: Servers close connections that idle (5 s is the shortest in use here); a browser does not trust one either.
TRUSTED_IDLE_S = 2.0
REDIRECTS_MAX = 5


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8")

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def page(self) -> "Page":
        return Page.read(self.text)


class Browser:
    """Talks to one address, by the host name of the site. Every browser is another visitor."""

    def __init__(self, address: tuple[str, int], host: str):
        self.address = address
        self.authority = f"{host}:{address[1]}"
        self.origin = f"http://{self.authority}"
        self.cookies: dict[str, str] = {}
        self._connection: http.client.HTTPConnection | None = None
        self._used_at = 0.0

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """One request, redirects not followed. Headers are written with underscores."""
        return self._request(method, path, None, headers)

    def post(self, path: str, fields: list[tuple[str, str]], **headers: str) -> Answer:
        body = urllib.parse.urlencode(fields).encode()
        headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        return self._request("POST", path, body, headers)

    def submit(self, form: "Form", **values: str) -> Answer:
        """Fills a form in and sends it, then goes where it leads."""
        missing = values.keys() - {name for name, _ in form.fields}
        assert not missing, f"no field {sorted(missing)} in the form to {form.action}: {form.fields}"
        return self.follow(self.post(form.action, form.filled(values)))

    def follow(self, answer: Answer) -> Answer:
        for _ in range(REDIRECTS_MAX):
            if answer.status not in (301, 302, 303):
                return answer
            answer = self.get(self.path_of(answer.headers["Location"]))
        raise AssertionError(f"more than {REDIRECTS_MAX} redirects, the last to {answer.headers['Location']}")

    def path_of(self, location: str) -> str:
        """A link of ours as a path; a link that leads elsewhere means that the app mistook its own address."""
        parts = urllib.parse.urlsplit(urllib.parse.urljoin(f"{self.origin}/", location))
        assert f"{parts.scheme}://{parts.netloc}" == self.origin, f"{location} is not below {self.origin}"
        return urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))

    def open_stream(self, path: str) -> http.client.HTTPResponse:
        """A reply to be read bit by bit, on a connection of its own; close it."""
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT_S)
        connection.request("GET", path, headers=self._headers({}))
        return connection.getresponse()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _request(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        if time.monotonic() - self._used_at > TRUSTED_IDLE_S:
            self.close()
        if self._connection is None:
            self._connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT_S)
        self._connection.request(method, path, body=body, headers=self._headers(headers))
        response = self._connection.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        self._used_at = time.monotonic()
        self._keep_cookies(response.headers)
        return answer

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        all_headers = {"Host": self.authority, "Accept": "text/html,*/*"}
        if self.cookies:
            all_headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return all_headers | {name.replace("_", "-"): value for name, value in headers.items()}

    def _keep_cookies(self, headers: http.client.HTTPMessage) -> None:
        for line in headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                expired = morsel["max-age"] == "0" or "1970" in morsel["expires"]
                if expired:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.coded_value


@dataclass
class Form:
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)

    def filled(self, values: dict[str, str]) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self.fields if name not in values] + list(values.items())

    def without_tokens(self) -> "Form":
        """As another site would forge it."""
        return Form(self.action, [(name, value) for name, value in self.fields if not is_token(name)])


def is_token(name: str) -> bool:
    return "csrf" in name or "token" in name


@dataclass
class Page(HTMLParser):
    """What the checks ask of a page."""

    language: str = ""
    heading: str = ""
    notice: str = ""
    text: str = ""
    forms: list[Form] = field(default_factory=list)
    stylesheets: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, html: str) -> "Page":
        page = cls()
        page.feed(html)
        page.close()
        page.text = " ".join(page.text.split())
        return page

    def __post_init__(self):
        HTMLParser.__init__(self)
        self._inside: str | None = None
        self._form: Form | None = None

    def form(self, action: str) -> Form:
        found = [form for form in self.forms if form.action == action]
        assert found, f"no form to {action}; there are {[form.action for form in self.forms]} on: {self.text}"
        return found[0]

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "html":
            self.language = values.get("lang", "")
        elif tag == "link" and values.get("rel") == "stylesheet":
            self.stylesheets.append(values["href"])
        elif tag == "form":
            self._form = Form(urllib.parse.urlsplit(values["action"]).path)
            self.forms.append(self._form)
        elif tag in ("input", "textarea") and self._form is not None:
            self._add_field(values)
        elif tag == "h1":
            self._inside = "heading"
        elif values.get("role") == "status":
            self._inside = "notice"

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None
        elif tag in ("h1", "p"):
            self._inside = None

    def handle_data(self, data):
        self.text += data
        if self._inside:
            setattr(self, self._inside, getattr(self, self._inside) + data.strip())

    def _add_field(self, values):
        # Only what is chosen is sent: a radio button or a box that is not checked has a name to fill in, and no value.
        chosen = values.get("type") not in ("radio", "checkbox") or "checked" in values
        if "name" in values and values.get("type") != "submit" and chosen:
            self._form.fields.append((values["name"], values.get("value") or ""))
