"""Make the virtual environment that a target of the Makefile needs: ``environment.py [--qt KIND] FOLDER [EXTRA]...``.

Runs on any Python, with nothing installed. What cannot be mended from here ends in one line that says what to install.
"""

import argparse
import ctypes
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
OLDEST, NEWEST = (3, 11), (3, 13)

DRAWING = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxkbcommon.so.0": "libxkbcommon0",
}
"""What Qt needs to draw, even where there is no screen: shared library and Debian's package that holds it."""

WINDOW = {
    "libX11-xcb.so.1": "libx11-xcb1",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-glx.so.0": "libxcb-glx0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
}
"""What Qt needs besides to open a window on X11."""

SCREEN = {"Xvfb": "xvfb", "xdotool": "xdotool"}
"""A screen in memory and hands to use it: program and Debian's package that holds it."""


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description="make the virtual environment that a target needs")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--qt", choices=("none", "offscreen", "window", "test"), default="none")
    parser.add_argument("extras", nargs="*")
    given = parser.parse_args()
    check_python()
    if given.qt != "none":
        provide_libraries({**DRAWING, **WINDOW} if given.qt == "window" else DRAWING)
    if given.qt == "test":
        provide_screen()
    make_environment(given.folder)
    install(given.folder, given.extras)


def check_python() -> None:
    """End where this Python is too old or too new."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        sys.exit(
            f"xraybench needs Python 3.11 to 3.13, and {sys.executable} is {platform.python_version()}: "
            "name another, for example make PYTHON=python3.12 test"
        )


def provide_libraries(wanted: "dict[str, str]") -> None:
    """Install the shared libraries that are missing, or say which they are."""
    if sys.platform != "linux":
        return
    missing = [package for library, package in wanted.items() if not loadable(library)]
    if missing:
        install_debian(missing, "Qt needs system libraries that are missing here")


def provide_screen() -> None:
    """Install what the test of a real window needs, where that is possible; without it that test is left out."""
    if sys.platform != "linux":
        return
    missing = [package for library, package in WINDOW.items() if not loadable(library)]
    missing += [package for program, package in SCREEN.items() if shutil.which(program) is None]
    if not missing:
        return
    if can_install():
        install_debian(missing, "the test of a real window needs a screen")
    else:
        print(f"the test of a real window is left out: it needs what Debian calls {' '.join(missing)}", flush=True)


def can_install() -> bool:
    """Say whether Debian packages can be installed from here."""
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None and os.geteuid() == 0


def loadable(library: str) -> bool:
    """Say whether the system has a shared library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def install_debian(packages: "list[str]", why: str) -> None:
    """Install Debian packages as root; end with the line to type where that is not possible."""
    names = " ".join(packages)
    if not (Path("/etc/debian_version").exists() and shutil.which("apt-get")):
        sys.exit(f"{why}: install what Debian calls {names}, then call make again")
    if os.geteuid() != 0:
        sys.exit(f"{why}: type 'sudo apt-get install {names}', then call make again")
    print(f"installing Debian packages: {names}", flush=True)
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", "-qq", *command],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode != 0:
            sys.exit(f"{done.stdout.decode(errors='replace')}{why}: apt-get could not install {names} (see above)")


def make_environment(folder: Path) -> None:
    """Make the virtual environment unless there is one that runs."""
    if works(folder):
        return
    try:
        import ensurepip  # noqa: F401 - Debian ships venv and ensurepip in a package of their own
    except ImportError:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        install_debian([f"python{version}-venv"], f"{sys.executable} cannot make virtual environments")
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").exists():
        sys.exit(f"{folder} is no virtual environment and is left alone: move it, or name another with make VENV=...")
    print(f"making the virtual environment {folder} with Python {platform.python_version()}", flush=True)
    run([sys.executable, "-m", "venv", "--clear", str(folder)], f"the virtual environment {folder} cannot be made")


def works(folder: Path) -> bool:
    """Say whether there is an environment that still finds its interpreter and pip."""
    python = interpreter(folder)
    return python.exists() and subprocess.run([python, "-m", "pip", "-qV"], capture_output=True).returncode == 0


def interpreter(folder: Path) -> Path:
    """Return the environment's Python."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(folder: Path, extras: "list[str]") -> None:
    """Install xraybench, editable, with pinned versions only, those of the build tools included."""
    wanted = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    shown = f"xraybench[{','.join(extras)}]" if extras else "xraybench"
    print(f"installing {shown} into {folder}, the first time takes some minutes", flush=True)
    os.environ["PYTHONWARNINGS"] = "ignore"  # setuptools explains editable installs in ten lines each time
    pip = [str(interpreter(folder)), "-m", "pip", "--disable-pip-version-check", "--no-input", "-qq"]
    failed = "pip could not install {} (see above): is the network there?"
    # an older pip than the pinned one knows no build constraints
    run([*pip, "install", "-c", str(CONSTRAINTS), "--upgrade", "pip"], failed.format("itself"))
    run(
        [*pip, "install", "-c", str(CONSTRAINTS), "--build-constraint", str(CONSTRAINTS), "-e", wanted],
        failed.format(shown),
    )


def run(command: "list[str]", failure: str) -> None:
    """Run a command; end with one line where it fails."""
    if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
        sys.exit(failure)


if __name__ == "__main__":
    main()
