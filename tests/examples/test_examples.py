"""The same visits to every example, whoever serves it: what a browser sees may not depend on that."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

#: At once, so that two processes write to one database at the same time.
VISITORS = 6
POSTS_EACH = 4


def unique_text() -> str:
    """To be found again whole: a word, markup that must be escaped, and letters beyond ASCII."""
    return f"{secrets.token_hex(6)}-<b>blå&bär</b>"


def write(site, browser, text):
    form = site.visit.form(browser.get("/"))
    return browser.submit(form, **site.visit.fields(text))


def test_the_page_renders_with_its_stylesheet(site):
    answer = site.visitor().get("/")
    assert answer.status == 200, answer.page.text[:2000]
    assert answer.headers["Content-Type"].replace(" ", "").lower() == "text/html;charset=utf-8"
    assert (answer.page.heading, answer.page.language) == (site.visit.heading, "en")
    assert answer.page.stylesheets


def test_a_static_file_is_sent_once_and_then_not_modified(site):
    browser = site.visitor()
    path = browser.path_of(browser.get("/").page.stylesheets[0])
    answer = browser.get(path)
    assert (answer.status, answer.headers.get_content_type()) == (200, "text/css")
    assert b":focus-visible" in answer.body
    again = browser.get(path, If_Modified_Since=answer.headers["Last-Modified"])
    assert (again.status, again.body) == (304, b"")


def test_head_is_the_same_head_without_a_body(site):
    browser = site.visitor()
    path = browser.path_of(browser.get("/").page.stylesheets[0])
    whole, head = browser.get(path), browser.get(path, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] in (None, str(len(whole.body)))
    assert browser.get(path).body == whole.body


def test_a_form_changes_the_page_and_its_message_is_shown_once(site):
    browser, text = site.visitor(), unique_text()
    answer = write(site, browser, text)
    assert answer.status == 200
    assert text in answer.page.text
    assert answer.page.notice.startswith(site.visit.notice.format(text=text))
    again = browser.get("/")
    assert text in again.page.text
    assert again.page.notice == ""
    assert (text in site.visitor().get("/").page.text) == site.visit.shared


def test_a_form_that_is_filled_in_badly_comes_back_with_a_word_about_it(site):
    browser = site.visitor()
    answer = browser.submit(site.visit.form(browser.get("/")), **site.visit.bad_fields)
    assert answer.status == 422
    assert site.visit.form(answer)
    assert answer.page.heading == site.visit.heading


def test_a_forged_form_is_refused_and_changes_nothing(site):
    browser, text = site.visitor(), unique_text()
    forged = site.visit.form(browser.get("/")).without_tokens()
    answer = browser.submit(forged, **site.visit.fields(text))
    assert answer.status == site.visit.refusal
    assert text not in browser.get("/").page.text


def test_a_form_from_another_visitor_is_refused(site):
    text = unique_text()
    form = site.visit.form(site.visitor().get("/"))
    answer = site.visitor().submit(form, **site.visit.fields(text))
    assert answer.status == site.visit.refusal


def test_json_tells_what_the_page_tells(site):
    browser, text = site.visitor(), unique_text()
    write(site, browser, text)
    answer = browser.get(site.visit.json)
    assert (answer.status, answer.headers.get_content_type()) == (200, "application/json")
    assert text in json.dumps(answer.json, ensure_ascii=False)


@pytest.mark.only(lambda visit, way: visit.export)
def test_what_is_sent_piece_by_piece_arrives_whole(site):
    browser, texts = site.visitor(), [unique_text() for _ in range(3)]
    for text in texts:
        write(site, site.visitor() if site.visit.once else browser, text)
    answer = browser.get(site.visit.export)
    assert answer.status == 200
    assert [text for text in texts if text not in answer.text] == []
    if site.served.through_swiftiply and not site.served.way.collects:
        assert (answer.headers["Transfer-Encoding"], answer.headers["Content-Length"]) == ("chunked", None)


@pytest.mark.only(lambda visit, way: visit.events)
def test_who_looks_on_sees_what_others_write_while_the_reply_goes_on(site):
    onlooker, text = site.visitor(), unique_text()
    stream = onlooker.open_stream(site.visit.events)
    try:
        assert (stream.status, stream.headers.get_content_type()) == (200, "text/event-stream")
        assert stream.readline() == b": open\n"
        write(site, site.visitor(), text)
        data = next(line for line in iter(stream.readline, b"") if line.startswith(b"data: "))
        assert text in json.dumps(json.loads(data[len("data: "):]), ensure_ascii=False)
    finally:
        stream.close()


def test_what_is_not_there_is_a_404_page(site):
    answer = site.visitor().get("/no/such/page?really=1")
    assert (answer.status, answer.headers.get_content_type()) == (404, "text/html")


def test_visitors_who_write_at_once_all_find_their_texts(site):
    def visit(_):
        browser, texts = site.visitor(), []
        for _ in range(POSTS_EACH):
            browser, text = site.visitor() if site.visit.once else browser, unique_text()
            answer = write(site, browser, text)
            assert answer.status == 200, answer.page.text[:2000]
            assert text in answer.page.text
            texts.append(text)
        return texts

    with ThreadPoolExecutor(VISITORS) as pool:
        texts = [text for some in pool.map(visit, range(VISITORS)) for text in some]
    if site.visit.shared:
        everything = json.dumps(site.visitor().get(site.visit.json).json, ensure_ascii=False)
        assert [text for text in texts if text not in everything] == []


@pytest.mark.only(lambda visit, way: way and way.processes > 1)
def test_as_many_processes_serve_as_were_asked_for(site):
    site.visitor().get("/")
    assert len(site.served.server.children()) >= site.served.way.processes
