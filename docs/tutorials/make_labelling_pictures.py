"""Makes the pictures and the film of `labelling.md` from a real session in the browser.

    python docs/tutorials/make_labelling_pictures.py [--out docs/images] [--dark] [--width 1000]

A simulated annotator, who knows the truth of a generated scene, clicks with mouse and keys, follows
the suggestions, maps the scene and checks it blindly. Needs Playwright and Chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from pointillist.grid import Grid, Transform
from pointillist.raster import write_array
from pointillist.scenes import generate_terrain

CHROMIUM = "/usr/bin/chromium"
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
SIDE_PX, FILM_PX, PATIENCE_MS = 1024, 640, 120_000
N_CLICKS, FRAMES_AT = 60, {1, 4, 8, 12, 18, 25, 32, 40, 50, 60}


class Session:
    """A server with a page, and somebody who knows the truth."""

    def __init__(self, page: Page, what: Path, legend: Path) -> None:
        command = [sys.executable, "-m", "pointillist", "label", str(what), "--no-browser"]
        command += ["--port", "0", "--legend", str(legend), "--author", "ann"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.link = self.process.stdout.readline().split()[1]
        self.page = page
        page.goto(self.link)

    def close(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.wait()


def make_scene(path: Path, seed: int, side_px: int) -> np.ndarray:
    """A generated scene with its classes beside it; its truth."""
    scene = generate_terrain(seed, side_px, side_px)
    grid = Grid(side_px, side_px, Transform(*scene.transform), f"EPSG:{scene.epsg}")
    write_array(path, np.asarray(scene.image), grid, band_names=scene.band_names)
    scene.legend.write(path.parent / "legend.yaml")
    return np.asarray(scene.mask)


def settle(page: Page) -> None:
    """Wait until everything is stored and drawn, the map of the last click included."""
    page.wait_for_selector("#saved[data-state=saved]")
    state = "() => [pointillist.view.mapVersion, pointillist.labels.seq, pointillist.lead.enough]"
    until = time.monotonic() + PATIENCE_MS / 1000
    while time.monotonic() < until:
        version, seq, enough = page.evaluate(state)
        if not enough or int(str(version).rstrip("l")) >= seq:
            break
        page.wait_for_timeout(100)
    drawn = "() => new Promise(r => {pointillist.view.map.once('rendercomplete', () => r(true));"
    page.evaluate(f"{drawn} pointillist.view.map.render()}})")


def click(page: Page, row: int, col: int) -> bool:
    """Click on a pixel of the scene; whether it is in sight, not under a button."""
    box = page.locator("#map").bounding_box()
    assert box is not None
    at = "([c, r]) => {const m = pointillist.view.map; m.renderSync();"
    x, y = page.evaluate(f"{at} return m.getPixelFromCoordinate([c, -r])}}", [col + 0.5, row + 0.5])
    place = [box["x"] + x, box["y"] + y]
    is_image = """([x, y]) => {
        const seen = document.elementFromPoint(x, y);
        return seen?.tagName === 'CANVAS' && !seen.closest('.ol-overviewmap');
    }"""
    if not page.evaluate(is_image, place):
        return False
    page.mouse.click(*place)
    return True


def shoot(page: Page, path: Path) -> None:
    """A picture of the page, small enough to be kept."""
    page.screenshot(path=path)
    picture = Image.open(path).convert("RGB").quantize(200, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)


def film_frame(page: Page) -> Image.Image:
    """The page as it is now, in the size of the film."""
    picture = Image.open(BytesIO(page.screenshot())).convert("RGB")
    height = round(FILM_PX * picture.height / picture.width)
    return picture.resize((FILM_PX, height), Image.Resampling.LANCZOS)


def save_film(frames: list[Image.Image], path: Path) -> None:
    """The frames one after the other, the last one longer."""
    palette = frames[-1].quantize(128)
    small = [f.quantize(128, palette=palette, dither=Image.Dither.NONE) for f in frames]
    times = [700] * (len(small) - 1) + [2500]
    small[0].save(path, save_all=True, append_images=small[1:], duration=times, loop=0)


def label_scene(session: Session, mask: np.ndarray, out: Path) -> None:
    """From the first click to the assessed map, with a picture of every step."""
    page = session.page
    page.wait_for_selector("#classes li")
    settle(page)
    frames = [film_frame(page)]
    rng = np.random.default_rng(5)
    for i, (row, col) in enumerate(rng.integers(40, SIDE_PX - 40, (N_CLICKS, 2)).tolist(), start=1):
        page.keyboard.press("Escape")
        page.keyboard.press(str(1 + int(mask[row, col])))
        click(page, row, col)
        if i in FRAMES_AT:
            settle(page)
            frames.append(film_frame(page))
    page.keyboard.press("Escape")
    page.mouse.move(5, 300)
    page.wait_for_selector("#lead-text:has-text('of your points')")
    shoot(page, out / "label.png")
    page.click("#swipe")
    settle(page)
    shoot(page, out / "label_swipe.png")
    page.click("#swipe")
    page.keyboard.press("g")
    page.wait_for_selector("#ask:not([hidden])")
    settle(page)
    shoot(page, out / "label_suggested.png")
    frames.append(film_frame(page))
    answer_all(page, mask, "() => [pointillist.lead.next.row, pointillist.lead.next.col]")
    page.keyboard.press("0")
    settle(page)
    frames.append(film_frame(page))
    page.click("#job-start")
    page.wait_for_selector("[data-download=map]")
    settle(page)
    page.wait_for_selector(".toast", state="detached")
    frames.append(film_frame(page))
    save_film(frames, out / "label.gif")
    page.click("[data-check]")
    page.wait_for_selector("#ask:not([hidden])")
    settle(page)
    shoot(page, out / "label_blind.png")
    answer_all(
        page, mask, "() => {const [c, r] = pointillist.finish.answering.position; return [r, c]}"
    )
    page.wait_for_selector("#accuracy table")
    page.keyboard.press("0")
    page.locator("#finish").scroll_into_view_if_needed()
    page.evaluate("() => document.getElementById('finish').scrollIntoView({block: 'end'})")
    settle(page)
    shoot(page, out / "label_assessed.png")


def answer_all(page: Page, mask: np.ndarray, where: str) -> None:
    """Name each place that is asked about, as the truth has it."""
    while page.locator("#ask").is_visible():
        question = page.inner_text("#ask .question")
        row, col = page.evaluate(where)
        page.keyboard.press(str(1 + int(mask[int(row), int(col)])))
        page.wait_for_selector(f"#ask .question:text-is('{question}')", state="detached")


def show_folder(page: Page, folder: Path, out: Path) -> None:
    """The list of a folder: one scene assessed, one begun, one untouched."""
    second = make_scene(folder / "valley.tif", 11, 512)
    make_scene(folder / "village.tif", 23, 512)
    session = Session(page, folder, folder / "legend.yaml")
    try:
        page.click(".card-link:has-text('valley.tif')")
        page.wait_for_selector("#classes li")
        for row, col in np.random.default_rng(1).integers(20, 490, (24, 2)).tolist():
            page.keyboard.press("Escape")
            page.keyboard.press(str(1 + int(second[row, col])))
            click(page, row, col)
        settle(page)
        page.select_option("#scene", "all")
        page.wait_for_selector(".chip[data-state=begun]")
        page.wait_for_selector(".card:last-child img[src^=blob]")
        shoot(page, out / "label_scenes.png")
    finally:
        session.close()


def main() -> None:
    """Run the session."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--dark", action="store_true")
    parser.add_argument("--width", type=int, default=1000)
    parser.add_argument("--height", type=int, default=625)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder = Path(tempfile.mkdtemp())
    settings: dict[str, Any] = {"color_scheme": "dark" if options.dark else "light"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *QUIET]
        )
        page = browser.new_page(
            viewport={"width": options.width, "height": options.height}, **settings
        )
        page.set_default_timeout(PATIENCE_MS)
        mask = make_scene(folder / "scene.tif", 7, SIDE_PX)
        session = Session(page, folder / "scene.tif", folder / "legend.yaml")
        try:
            label_scene(session, mask, options.out)
        finally:
            session.close()
        show_folder(page, folder, options.out)
        browser.close()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
