"""The command line and the variables behind it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from swiftiply import __version__
from swiftiply.command import main, settings_from
from swiftiply.errors import ConfigError
from swiftiply.settings import WebSocketSettings, processors


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("SWIFTIPLY") or name == "WEB_CONCURRENCY":
            monkeypatch.delenv(name)


def test_the_defaults() -> None:
    settings = settings_from(["app:app"])
    assert settings.target == "app:app"
    assert settings.interface == "auto"
    assert settings.connect == ("127.0.0.1:30000",)
    assert settings.processes is None
    assert (settings.threads, settings.concurrency, settings.drain_timeout) == (4, 100, 30.0)
    assert (settings.key, settings.label, settings.mount, settings.log_level) == (None, "", "", "info")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", ("127.0.0.1:30000",)),
        ("127.0.0.1:4000", ("127.0.0.1:4000",)),
        ("unix:/run/x.sock", ("unix:/run/x.sock",)),
        ("10.0.0.1:30000, 10.0.0.2:30000", ("10.0.0.1:30000", "10.0.0.2:30000")),
        ("", ("127.0.0.1:30000",)),
    ],
)
def test_swiftiply_names_the_proxies(monkeypatch: pytest.MonkeyPatch, value: str, expected: tuple[str, ...]) -> None:
    monkeypatch.setenv("SWIFTIPLY", value)
    assert settings_from(["app"]).connect == expected


def test_every_variable_counts_and_the_command_line_counts_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWIFTIPLY", "a:1")
    monkeypatch.setenv("WEB_CONCURRENCY", "9")
    monkeypatch.setenv("SWIFTIPLY_WORKERS", "2")
    monkeypatch.setenv("SWIFTIPLY_THREADS", "3")
    monkeypatch.setenv("SWIFTIPLY_CONCURRENCY", "7")
    monkeypatch.setenv("SWIFTIPLY_LABEL", "r1")
    monkeypatch.setenv("SWIFTIPLY_DRAIN_TIMEOUT", "0")
    monkeypatch.setenv("SWIFTIPLY_LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("SWIFTIPLY_MOUNT", "/shop/")
    settings = settings_from(["app"])
    assert (settings.processes, settings.threads, settings.concurrency) == (2, 3, 7)
    assert (settings.label, settings.drain_timeout, settings.log_level, settings.mount) == (
        "r1",
        0.0,
        "debug",
        "/shop",
    )
    options = "--connect b:2 --connect c:3 -n 4 -t 5 --concurrency 6 --label r2 --drain-timeout 1.5 --log-level error"
    settings = settings_from([*options.split(), "--mount", "", "app"])
    assert settings.connect == ("b:2", "c:3")
    assert (settings.processes, settings.threads, settings.concurrency) == (4, 5, 6)
    assert (settings.label, settings.drain_timeout, settings.log_level, settings.mount) == (
        "r2",
        1.5,
        "error",
        "",
    )
    monkeypatch.delenv("SWIFTIPLY_WORKERS")
    assert settings_from(["app"]).processes == 9


def test_websockets_have_uvicorns_defaults_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_from(["app"])
    assert settings.tunnels == 10_000
    assert settings.websocket == WebSocketSettings(
        max_size=16_777_216, ping_interval=20.0, ping_timeout=20.0, deflate=True
    )
    monkeypatch.setenv("SWIFTIPLY_TUNNELS", "0")
    monkeypatch.setenv("SWIFTIPLY_WS_MAX_SIZE", "1000")
    monkeypatch.setenv("SWIFTIPLY_WS_PING_INTERVAL", "0")
    monkeypatch.setenv("SWIFTIPLY_WS_PING_TIMEOUT", "1.5")
    monkeypatch.setenv("SWIFTIPLY_WS_PER_MESSAGE_DEFLATE", "off")
    settings = settings_from(["app"])
    assert (settings.tunnels, settings.websocket) == (0, WebSocketSettings(1000, 0.0, 1.5, False))
    options = "--tunnels 5 --ws-max-size 9 --ws-ping-interval 2 --ws-ping-timeout 0 --ws-per-message-deflate true"
    settings = settings_from([*options.split(), "app"])
    assert (settings.tunnels, settings.websocket) == (5, WebSocketSettings(9, 2.0, 0.0, True))


@pytest.mark.parametrize(
    "wrong", ["--tunnels=-1", "--ws-max-size=0", "--ws-ping-interval=x", "--ws-per-message-deflate=perhaps"]
)
def test_a_wrong_value_for_websockets_is_named(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        settings_from([wrong, "app"])
    assert wrong.partition("=")[0] in capsys.readouterr().err


def test_auto_is_one_process_for_each_processor() -> None:
    assert settings_from(["-n", "auto", "app"]).processes == processors()
    assert processors() >= 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SWIFTIPLY_WORKERS", "many"),
        ("SWIFTIPLY_THREADS", "0"),
        ("SWIFTIPLY_DRAIN_TIMEOUT", "-1"),
        ("SWIFTIPLY_LOG_LEVEL", "loud"),
    ],
)
def test_a_variable_that_does_not_fit_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"{name}: .*{value}"):
        settings_from(["app"])


def test_the_key_comes_from_its_variable_or_a_file_and_never_shows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SWIFTIPLY_KEY", "from the variable")
    assert settings_from(["app"]).key == b"from the variable"
    file = tmp_path / "key"
    file.write_bytes(b" from the file \n")
    settings = settings_from(["--key-file", str(file), "app"])
    assert settings.key == b" from the file "
    assert "file" not in repr(settings)
    monkeypatch.setenv("SWIFTIPLY_KEY_FILE", str(file))
    assert settings_from(["app"]).key == b"from the variable"
    monkeypatch.delenv("SWIFTIPLY_KEY")
    assert settings_from(["app"]).key == b" from the file "


def test_a_key_file_that_cannot_be_used_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty"
    empty.write_text("\n")
    for path, why in ((tmp_path / "missing", "No such file"), (empty, "empty")):
        assert main(["--key-file", str(path), "app"]) == 2
        message = capsys.readouterr().err
        assert str(path) in message
        assert why in message


@pytest.mark.parametrize("option", ["-b", "--bind"])
def test_bind_is_refused_with_a_hint(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([option, "0.0.0.0:8000", "app"])
    assert ended.value.code == 2
    assert "--connect" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [["-n", "0"], ["-n", "x"], ["-t", "99999"], ["--interface", "rack"], ["--drain-timeout", "inf"]],
)
def test_values_out_of_bounds_are_usage_errors(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*options, "app"])
    assert ended.value.code == 2
    assert options[0] in capsys.readouterr().err


@pytest.mark.parametrize("command", [["-m", "swiftiply"], ["-c", "from swiftiply.command import main; main()"]])
def test_version_and_help_work_without_the_native_module(command: list[str]) -> None:
    version = subprocess.run([sys.executable, *command, "--version"], capture_output=True, text=True, check=True)
    assert version.stdout == f"swiftiply-wsgi {__version__}\n"
    told = subprocess.run([sys.executable, *command, "--help"], capture_output=True, text=True, check=True)
    assert "--connect" in told.stdout
    assert "SWIFTIPLY_KEY" in told.stdout


@pytest.mark.parametrize("processes", [[], ["-n", "2"]])
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise RuntimeError('at import')", "RuntimeError: at import"),
        ("import sys; sys.exit(0)", "could not be loaded"),
        ("nothing = 1", "neither 'app' nor 'application'"),
        ("def app(): pass", "--factory"),
    ],
)
def test_an_application_that_cannot_be_loaded_ends_the_command_once_and_clearly(
    processes: list[str], source: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text(source)
    command = [sys.executable, "-m", "swiftiply", *processes, "--app-dir", str(tmp_path), "broken"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert ended.stderr.count(message) == 1
    assert "swiftiply/process.py" not in ended.stderr


def test_a_process_that_dies_while_loading_is_not_started_again_and_again(tmp_path: Path) -> None:
    (tmp_path / "fatal.py").write_text("import os; os._exit(7)")
    command = [sys.executable, "-m", "swiftiply", "-n", "2", "--app-dir", str(tmp_path), "fatal"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert "with status 7 before it had loaded the application" in ended.stderr
