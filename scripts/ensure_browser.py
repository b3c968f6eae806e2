"""Finds a Chromium-family browser for the tests of the report page, or installs one where that may be done.

The path goes to standard output, everything else to standard error. Exit status 0: found, or missing outside
continuous integration (the browser tests are then skipped); 1: missing where ``CI`` is set, or ``SEPARATRIX_BROWSER``
names nothing that can be run.

Usage: ``python scripts/ensure_browser.py [--install]``
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
    "msedge",
)
MAC_APPS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
WINDOWS_FOLDERS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
WINDOWS_APPS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")
REMEDY = "install Chromium, Chrome or Edge, or set SEPARATRIX_BROWSER to the path of one"


def find_browser() -> str | None:
    """Return the path of the browser that the tests use: the one asked for, else the first that is there."""
    wanted = os.environ.get("SEPARATRIX_BROWSER")
    if wanted:
        return shutil.which(wanted)
    places = [*NAMES]
    if sys.platform == "darwin":
        places += MAC_APPS
    if sys.platform == "win32":
        roots = [os.environ[name] for name in WINDOWS_FOLDERS if name in os.environ]
        places += [str(Path(root) / app) for root in roots for app in WINDOWS_APPS]
    return next((path for place in places if (path := shutil.which(place))), None)


def may_install() -> bool:
    """Tell whether this is a Debian-like system on which we are root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_browser() -> None:
    """Install Debian's ``chromium`` package; a failure is left to the search that follows."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
        done = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"apt-get {arguments[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}", file=sys.stderr)
            return


def main() -> int:
    path = find_browser()
    if path is None and "SEPARATRIX_BROWSER" in os.environ:
        print(f"SEPARATRIX_BROWSER={os.environ['SEPARATRIX_BROWSER']} cannot be run: {REMEDY}", file=sys.stderr)
        return 1
    if path is None and "--install" in sys.argv[1:] and may_install():
        print("no browser found: installing Debian's chromium", file=sys.stderr)
        install_browser()
        path = find_browser()
    if path is not None:
        print(path)
        return 0
    in_ci = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
    consequence = "and the checks need one" if in_ci else "so the browser tests are skipped"
    print(f"no browser found, {consequence}: {REMEDY}", file=sys.stderr)
    return 1 if in_ci else 0


if __name__ == "__main__":
    sys.exit(main())
