"""What a visitor does in each example: the form to fill in, and where its effect is to be seen."""

import secrets
from dataclasses import dataclass
from typing import Callable

from browser import Answer, Browser


def plain_arrival(browser: Browser) -> None:
    """Nothing to do before the page can be used."""


def sign_up(browser: Browser) -> None:
    form = browser.get("/accounts/signup/").page.form("/accounts/signup/")
    name = f"visitor-{secrets.token_hex(8)}"
    answer = browser.submit(form, username=name, password1="a long passphrase", password2="a long passphrase")
    assert (answer.status, answer.page.notice) == (200, "Welcome. Your list is empty."), answer.text


@dataclass(frozen=True)
class Visit:
    heading: str
    #: Where the page's form is sent.
    action: str
    #: From a text of the test's choice to the fields that bring it in.
    fields: Callable[[str], dict[str, str]]
    #: Fields that the app must answer with 422.
    bad_fields: dict[str, str]
    #: The message that the next page shows, once. {text} is the text, when it is in there.
    notice: str
    json: str
    #: A reply that is sent piece by piece: all of it ends by itself ...
    export: str | None = None
    #: ... or it stays open, and shows what others do.
    events: str | None = None
    #: How a form without its token is answered.
    refusal: int = 403
    #: Whether two visitors see each other's texts.
    shared: bool = True
    #: Whether a visitor may do it only once.
    once: bool = False
    arrive: Callable[[Browser], None] = plain_arrival

    def form(self, answer: Answer):
        return answer.page.form(self.action)


VISITS = {
    "rails": Visit(
        "Guest book", "/entries", lambda text: {"entry[name]": "Åsa", "entry[message]": text},
        {"entry[name]": "Åsa", "entry[message]": " "}, "Thank you, Åsa. Your entry is in the book.",
        json="/entries.json", export="/entries.csv", refusal=422,
    ),
    "sinatra": Visit(
        "Short links", "/links", lambda text: {"url": f"https://example.com/?q={text}"},
        {"url": "nowhere"}, "Made: ", json="/links.json", export="/links.txt",
    ),
    "flask": Visit(
        "Where shall we eat?", "/", lambda text: {"other": text},
        {"other": "x" * 61}, "Your vote for {text} is counted.",
        json="/results.json", export="/votes.csv", refusal=400, once=True,
    ),
    "django": Visit(
        "To do", "/", lambda text: {"title": text}, {"title": " "}, "“{text}” is on your list.",
        json="/tasks.json", export="/tasks.csv", shared=False, arrive=sign_up,
    ),
    "fastapi": Visit(
        "Wall", "/messages", lambda text: {"name": "Åsa", "text": text},
        {"name": "Åsa", "text": ""}, "It is on the wall, Åsa.", json="/messages.json", events="/events",
    ),
    "express": Visit(
        "Reading list", "/books", lambda text: {"title": text, "author": "Åsa"},
        {"title": "", "author": "Åsa"}, "“{text}” is on the list.", json="/books.json", export="/books.csv",
    ),
    "fastify": Visit(
        "Thermometer", "/readings", lambda text: {"place": text, "celsius": "-3.5"},
        {"place": "here", "celsius": "warm"}, "-3.5 °C in {text} is noted.", json="/readings.json", events="/events",
    ),
}
