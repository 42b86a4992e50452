"""What a process makes of its connector's news."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass

import pytest

from swiftiply.errors import RefusedError
from swiftiply.report import PipeReport, ReportReader
from swiftiply.service import Service


@dataclass
class Notice:
    kind: str
    text: str = "a sentence"
    level: str = "info"
    is_fatal: bool = False


class Report(PipeReport):
    def __init__(self) -> None:
        self.stages: list[str] = []
        self.parent = os.getppid()

    def connected(self) -> None:
        self.stages.append("connected")


CONNECTED = Notice("connected")
REFUSED = Notice("refused", "wrong key", "error", is_fatal=True)


def test_the_first_connection_is_reported_once() -> None:
    report = Report()
    service = Service(report, proxies=2)
    for notice in (Notice("unreachable"), CONNECTED, Notice("lost"), CONNECTED):
        service.take(notice)
    assert report.stages == ["connected"]


def test_a_refusal_by_every_proxy_at_the_start_is_the_end() -> None:
    service = Service(Report(), proxies=2)
    service.take(REFUSED)
    with pytest.raises(RefusedError, match="wrong key"):
        service.take(REFUSED)


def test_a_refusal_that_may_pass_is_no_end() -> None:
    service = Service(Report(), proxies=1)
    service.take(Notice("refused", level="warning"))


def test_a_refusal_after_service_is_logged_and_outlived(caplog: pytest.LogCaptureFixture) -> None:
    service = Service(Report(), proxies=1)
    service.take(CONNECTED)
    service.take(REFUSED)
    assert "wrong key" in caplog.text


def test_news_is_logged_at_its_own_level(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for level in ("debug", "info", "warning", "error"):
            Service(Report(), proxies=1).take(Notice("lost", level=level))
    assert [record.levelname for record in caplog.records] == ["DEBUG", "INFO", "WARNING", "ERROR"]


def test_a_process_whose_parent_has_changed_is_orphaned() -> None:
    report = Report()
    service = Service(report, proxies=1)
    assert not service.is_orphaned
    report.parent = 0
    assert service.is_orphaned


def test_a_report_travels_through_its_pipe_stage_by_stage() -> None:
    ours, theirs = os.pipe()
    report, reader = PipeReport(theirs), ReportReader(ours)
    assert not (reader.is_booted or reader.is_connected)
    report.booted()
    reader.read()
    assert (reader.is_booted, reader.is_connected) == (True, False)
    report.connected()
    report.failed("B and C are letters of the text, too: é")
    os.close(theirs)
    while reader.read():
        pass
    assert (reader.is_booted, reader.is_connected) == (True, True)
    assert reader.failure == "B and C are letters of the text, too: é"
    reader.close()
