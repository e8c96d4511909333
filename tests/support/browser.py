"""A headless Chromium, spoken to over a pipe in its DevTools protocol; needs no package."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")

PATIENCE = 90.0
"""Seconds to wait for an answer, or for a page to be drawn."""


def program() -> str:
    """Path of the browser; `.ci/run` installs one where there is none."""
    found = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    assert found, "no Chromium: apt-get install chromium (as .ci/run does)"
    return found


class Browser:
    """One browser process; each page is a tab of it."""

    def __init__(self) -> None:
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_read, self.out = os.pipe()
        self.into, to_write = os.pipe()

        def rewire() -> None:
            # The browser reads commands from 3 and writes answers to 4; the pipes may lie there.
            first, second = os.dup(to_read), os.dup(to_write)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen(
            [
                program(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
                f"--user-data-dir={self.profile.name}", "--remote-debugging-pipe", "about:blank",
            ],
            preexec_fn=rewire,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_read)
        os.close(to_write)
        self.buffer, self.number = b"", 0
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        os.close(self.out)
        os.close(self.into)
        self.profile.cleanup()

    def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; what happens meanwhile is kept in `events`."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive(PATIENCE)
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return dict(answer["result"])
            self.events.append(answer)

    def receive(self, patience: float) -> dict[str, Any]:
        deadline = time.monotonic() + patience
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.into], [], [], deadline - time.monotonic())
            assert ready, "the browser says nothing"
            self.buffer += os.read(self.into, 1 << 20)
        text, _, self.buffer = self.buffer.partition(b"\0")
        return dict(json.loads(text))

    def open(self, path: Path, **how: Any) -> Page:
        return Page(self, path, **how)


class Page:
    """A file, opened, and drawn to the end.

    Args:
        browser: Where.
        path: The file.
        width: Of the window, in pixels.
        height: Of the window.
        dark: What the system is said to prefer.
        ready: What is true when the page is drawn.
    """

    def __init__(
        self,
        browser: Browser,
        path: Path,
        width: int = 1200,
        height: int = 900,
        dark: bool = False,
        ready: str = "document.documentElement?.dataset.drawn === 'all'",
    ) -> None:
        self.browser = browser
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        self.target = target
        self.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")
        self.resize(width, height)
        self.prefer(dark)
        self.url = path.resolve().as_uri()
        began = time.monotonic()
        self.ask("Page.navigate", url=self.url)
        self.wait(ready)
        self.seconds = time.monotonic() - began

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.ask(method, self.session, **params)

    def resize(self, width: int, height: int = 900) -> None:
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def prefer(self, dark: bool) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def run(self, code: str) -> Any:
        """The value of an expression, or of what it promises."""
        found = self.ask("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, code: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.run(code):
            assert time.monotonic() < deadline, f"never came true: {code}\n{self.complaints()}"
            time.sleep(0.02)

    def move(self, x: float, y: float) -> None:
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def type(self, text: str) -> None:
        self.ask("Input.insertText", text=text)

    def press(self, key: str, code: int, text: str = "") -> None:
        for kind, typed in (("keyDown", text), ("keyUp", "")):
            self.ask(
                "Input.dispatchKeyEvent",
                type=kind, key=key, code=key, windowsVirtualKeyCode=code, text=typed,
            )  # fmt: skip

    def picture(self, path: Path, whole: bool = True) -> None:
        if whole:
            size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
            found = self.ask("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        else:
            found = self.ask("Page.captureScreenshot")
        path.write_bytes(base64.b64decode(found["data"]))

    def heard(self, method: str) -> list[dict[str, Any]]:
        """What this page told of one kind."""
        self.run("0")  # whatever was said before this answer is read with it
        return [
            event["params"]
            for event in self.browser.events
            if event.get("sessionId") == self.session and event.get("method") == method
        ]

    def complaints(self) -> list[Any]:
        """Errors and warnings on the console, and exceptions that nobody caught."""
        said = [event for event in self.heard("Runtime.consoleAPICalled")]
        said = [event for event in said if event["type"] in ("error", "warning", "assert")]
        logged = [event["entry"] for event in self.heard("Log.entryAdded")]
        return [*said, *logged, *self.heard("Runtime.exceptionThrown")]

    def requests(self) -> list[str]:
        """Addresses of all that the page asked for, but itself and what it holds."""
        asked = [event["request"]["url"] for event in self.heard("Network.requestWillBeSent")]
        return [url for url in asked if url != self.url and not url.startswith(("data:", "blob:"))]

    def close(self) -> None:
        self.browser.ask("Target.closeTarget", targetId=self.target)
